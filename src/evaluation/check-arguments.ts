import {
  checkMembers,
  describe,
  invalid,
  isArray,
  isFilledString,
  isFunction,
  isPositiveInteger,
  isString,
  type OptionCheck,
} from "../backends/check-options.js";

/** What measures a model needs of it. */
export function checkBackend(backend: unknown): void {
  checkMembers("a backend", backend, { embed: isFunction, modelId: isString });
}

/** A backend is none, although it has `embed`: its second argument is another. */
export function checkEmbedder(embedder: unknown): void {
  const { modelId } = Object(embedder) as { modelId?: unknown };
  if (typeof modelId === "string") throw invalid("a backend is no embedder: pass toEmbedder(backend)");
  checkMembers("an embedder", embedder, { name: isString, embed: isFunction });
}

const isMap: OptionCheck = (value) => (isMapLike(value) ? undefined : "a Map");

export function checkDataset(dataset: unknown): void {
  checkMembers("a data set", dataset, { name: isString });
  const { kind } = dataset as { kind?: unknown };
  if (kind === "sts") checkMembers("a data set of pairs", dataset, { pairs: isArray });
  else if (kind === "retrieval") {
    const checks = { queries: isArray, documents: isArray, judgements: isMap };
    checkMembers("a data set for retrieval", dataset, checks);
  } else throw invalid(`the kind of a data set must be "sts" or "retrieval", not ${describe(kind)}`);
}

/** What the metrics of retrieval take. */
export function checkRanking(ranking: unknown, judgements: unknown, k: unknown): void {
  if (!Array.isArray(ranking)) throw invalid(`the ranking must be an array of ids, not ${describe(ranking)}`);
  if (!isMapLike(judgements)) {
    throw invalid(`the judgements must be a Map of grades by id, not ${describe(judgements)}`);
  }
  // A whole ranking may be empty.
  const expected = k === 0 ? undefined : isPositiveInteger(k);
  if (expected !== undefined) throw invalid(`k must be ${expected}, not ${describe(k)}`);
}

export function checkPath(what: string, value: unknown): void {
  const expected = isFilledString(value);
  if (expected !== undefined) throw invalid(`${what} must be ${expected}, not ${describe(value)}`);
}

export function checkList(what: string, value: unknown): void {
  const expected = isArray(value);
  if (expected !== undefined) throw invalid(`${what} must be ${expected}, not ${describe(value)}`);
}

function isMapLike(value: unknown): boolean {
  const { get, values } = Object(value) as Partial<ReadonlyMap<unknown, unknown>>;
  return typeof get === "function" && typeof values === "function";
}

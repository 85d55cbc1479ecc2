import { findInCatalog } from "../../catalog.js";
import type { EmbedOptions, VectorSpace } from "../../embedding-backend.js";
import { describe, invalid, isPositiveInteger, isString } from "../check-options.js";
import type { ApiOptions } from "./api-options.js";

/** What is known of an API's vectors before it is asked. */
export interface ApiModel {
  readonly modelId: string;
  readonly revision: string;
  readonly maxTokens: number;
  /** `undefined`: to be learned from an answer. */
  readonly dimensions: number | undefined;
  readonly normalized: boolean;
  readonly pooling: string;
  readonly prompts: Readonly<Record<string, string>>;
  /** The `id` of its space. */
  readonly spaceId: string;
}

/** The `id` of a space that was declared to be the one with this id. Only a backend that has the weights has the id itself. */
const declared = "declared:";

/** @throws CandleEmbedError `INVALID_INPUT` for a space that is not known, or whose length contradicts `dimensions`. */
export async function describeModel(options: ApiOptions, url: URL): Promise<ApiModel> {
  const space = toSpace(options.space);
  const { model, dimensions } = options;
  if (space !== undefined && dimensions !== undefined && dimensions > space.dimensions) {
    throw invalid(
      `${String(dimensions)} dimensions are more than the ${String(space.dimensions)} of ${space.modelId}`,
    );
  }
  const cut = dimensions !== undefined && dimensions !== space?.dimensions;
  // Loaded here: it would be a third of the time that loading this package takes.
  const { createHash } = await import("node:crypto");
  const own = createHash("sha256").update(JSON.stringify([url.host, url.pathname, model, dimensions]));
  return {
    modelId: space?.modelId ?? model,
    revision: space?.revision ?? "unknown",
    maxTokens: options.maxTokens ?? space?.maxTokens ?? Infinity,
    dimensions: dimensions ?? space?.dimensions,
    normalized: options.normalized ?? space?.normalized ?? true,
    pooling: space?.pooling ?? "unknown",
    prompts: Object.freeze({ ...(options.prompts ?? space?.prompts) }),
    spaceId: space === undefined || cut ? `api:${own.digest("hex")}` : declared + space.id,
  };
}

interface DeclaredSpace extends VectorSpace {
  readonly maxTokens?: number | undefined;
}

function toSpace(space: string | VectorSpace | undefined): DeclaredSpace | undefined {
  if (space === undefined) return undefined;
  if (typeof space === "string") {
    const entry = findInCatalog(space);
    if (entry === undefined) {
      throw invalid(
        `no space ${describe(space)}: pass a name that "candle-embed models" lists, or a backend's space`,
      );
    }
    const { modelId, revision = "main", dimensions, maxTokens } = entry;
    const id = `${modelId}@${revision}`;
    // The catalogue does not say whether vectors have length 1; nearly all models of it do that.
    return {
      ...{ id, modelId, revision, dimensions, maxTokens: maxTokens ?? undefined },
      ...{ pooling: "unknown", normalized: true, prompts: {} },
    };
  }
  const { id, modelId, revision, dimensions, pooling, normalized, prompts } = space;
  const strings = [id, modelId, revision, pooling].every((each) => isString(each) === undefined);
  if (!strings || isPositiveInteger(dimensions) !== undefined || typeof normalized !== "boolean") {
    throw invalid('option "space" must be a name of the catalogue or the space of a backend');
  }
  const bare = id.startsWith(declared) ? id.slice(declared.length) : id;
  return { id: bare, modelId, revision, dimensions, pooling, normalized, prompts: prompts ?? {} };
}

/** Whether two backends say that their vectors can be compared. One of them may only have been told so. */
export function sameSpace(a: VectorSpace, b: VectorSpace): boolean {
  if (a.dimensions !== b.dimensions || a.normalized !== b.normalized) return false;
  return names(a).some((name) => names(b).includes(name));
}

function names({ id, modelId, revision }: VectorSpace): string[] {
  if (id.startsWith("api:")) return [id];
  return [id.startsWith(declared) ? id.slice(declared.length) : id, `${modelId}@${revision}`];
}

/** Whether a backend computes its vectors from weights whose hash it knows, so that they cannot change. */
export function isFixed({ id }: VectorSpace): boolean {
  return /^[0-9a-f]{64}$/.test(id);
}

/** What a call's texts begin with. The names are those that sentence-transformers looks for, as in the engine. */
export function findPrompt(
  prompts: Readonly<Record<string, string>>,
  { prompt, promptName, inputType }: EmbedOptions,
): string {
  if (prompt !== undefined && promptName !== undefined) throw invalid("give prompt or promptName, not both");
  if (prompt !== undefined) return prompt;
  if (promptName !== undefined) {
    const named = Object.hasOwn(prompts, promptName) ? prompts[promptName] : undefined;
    if (named !== undefined) return named;
    const known = Object.keys(prompts).join(", ");
    throw invalid(
      `there is no prompt named ${describe(promptName)}; there is ${known === "" ? "none" : known}`,
    );
  }
  if (inputType === undefined) return "";
  const candidates = inputType === "query" ? ["query"] : ["document", "passage", "corpus"];
  const found = candidates.find((name) => Object.hasOwn(prompts, name));
  return found === undefined ? "" : (prompts[found] ?? "");
}

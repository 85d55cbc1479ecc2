import type { EmbeddingBackend, EmbedOptions } from "../embedding-backend.js";
import { CandleEmbedError } from "../errors.js";
import { checkBackend } from "./check-arguments.js";
import type { Vectors } from "./compare.js";

/** What a text is to an evaluation: models with prompts put others before queries and documents, and none in `similarity`. */
export type TextKind = "query" | "document" | "similarity";

/** Anything that makes vectors of texts: a backend (see {@link toEmbedder}), another library, a service. */
export interface Embedder {
  /** What the results call it. */
  readonly name: string;
  /** One vector a text, in order, all of one length. They need not have length 1. */
  embed(texts: readonly string[], kind: TextKind): Promise<Iterable<ArrayLike<number>>>;
}

/** A backend as an {@link Embedder}; `options` go with every call. */
export function toEmbedder(
  backend: EmbeddingBackend,
  name?: string,
  options: Omit<EmbedOptions, "inputType" | "outputType"> = {},
): Embedder {
  checkBackend(backend);
  return {
    name: name ?? backend.modelId,
    embed: (texts, kind) =>
      backend.embed(texts, { ...options, ...(kind !== "similarity" && { inputType: kind }) }),
  };
}

/**
 * Embeds texts and brings the vectors to length 1, so that dot products are cosines.
 *
 * @throws CandleEmbedError `INVALID_INPUT` where the embedder gives too few vectors, or such that are none.
 */
export async function embedUnit(
  embedder: Embedder,
  texts: readonly string[],
  kind: TextKind,
): Promise<Vectors> {
  const rows = Array.from(await embedder.embed(texts, kind));
  const dimensions = rows[0]?.length ?? 0;
  const refuse = (what: string): CandleEmbedError =>
    new CandleEmbedError("INVALID_INPUT", `the embedder ${JSON.stringify(embedder.name)} gave ${what}`);
  if (rows.length !== texts.length) {
    throw refuse(`${String(rows.length)} vectors for ${String(texts.length)} texts`);
  }
  const data = new Float32Array(rows.length * dimensions);
  rows.forEach((row, index) => {
    if (row.length !== dimensions || dimensions === 0) {
      throw refuse(`vectors of ${String(dimensions)} and ${String(row.length)} numbers`);
    }
    if (!writeUnit(row, data, index * dimensions)) {
      throw refuse(`a vector with a number that is none, for ${JSON.stringify(texts[index]?.slice(0, 60))}`);
    }
  });
  return { data, dimensions };
}

/** Writes a row with length 1 (a row of zeros as it is); `false` where it holds what is no number. */
function writeUnit(row: ArrayLike<number>, target: Float32Array, offset: number): boolean {
  let square = 0;
  for (const value of Array.from(row)) square += value ** 2;
  if (!Number.isFinite(square)) return false;
  const factor = square === 0 ? 0 : 1 / Math.sqrt(square);
  for (let index = 0; index < row.length; index++) target[offset + index] = (row[index] as number) * factor;
  return true;
}

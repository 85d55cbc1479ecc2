import {
  checkMembers,
  checkOptions,
  describe,
  invalid,
  isArray,
  isFilledString,
  isFunction,
  isString,
} from "../../backends/check-options.js";
import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";

/** What belongs to the vectors of {@link toQdrantPoints}, in their order. */
export interface QdrantPointOptions {
  /** Whole numbers or UUIDs, the only ids that Qdrant takes. */
  readonly ids: readonly (number | string)[];
  /** What is stored beside each vector, in their order. */
  readonly payloads?: readonly Record<string, unknown>[] | undefined;
  /** The name of the vector, in a collection with several. */
  readonly vectorName?: string | undefined;
}

/** A point of Qdrant. */
export interface QdrantPoint {
  /** A whole number or a UUID, as Qdrant wants. */
  id: number | string;
  /** Its numbers; with `vectorName`, by that name. */
  vector: number[] | Record<string, number[]>;
  /** What is stored beside it. */
  payload?: Record<string, unknown>;
}

const uuid = /^(?:urn:uuid:)?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

const checks = { ids: isArray, payloads: isArray, vectorName: isFilledString };

/**
 * Vectors as points for Qdrant's `upsert`: from float32, or from `outputType: "uint8"` for a collection of that `datatype`.
 * Bits are what Qdrant makes itself, where a collection has binary quantization.
 *
 * ```ts
 * await client.upsert("notes", { points: toQdrantPoints(embeddings, { ids, payloads }) });
 * ```
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what is no `Embeddings`, for packed bits, and for ids or payloads that are not as many as the vectors.
 */
export function toQdrantPoints(
  embeddings: Embeddings<OutputVector>,
  options: QdrantPointOptions,
): QdrantPoint[] {
  // By its members: the class of @candle-embed/wasm is another one.
  checkMembers("embeddings, as embed gives them,", embeddings, {
    toArrays: isFunction,
    outputType: isString,
  });
  checkOptions(options, checks);
  const { ids, payloads, vectorName } = options ?? {};
  const { count, outputType } = embeddings;
  if (outputType === "binary" || outputType === "ubinary" || outputType === "int8") {
    throw invalid(`Qdrant takes float32 and uint8 vectors, not ${outputType}`);
  }
  if (ids?.length !== count) throw notOneEach("ids", count);
  if (payloads !== undefined && payloads.length !== count) throw notOneEach("payloads", count);
  return embeddings.toArrays().map((vector, index) => {
    const payload = payloads?.[index];
    return {
      id: checkId(ids[index]),
      vector: vectorName === undefined ? vector : { [vectorName]: vector },
      ...(payload !== undefined && { payload }),
    };
  });
}

function notOneEach(name: string, count: number): Error {
  return invalid(`${name} must be an array of ${String(count)}, one for each vector`);
}

function checkId(id: unknown): number | string {
  const isNumber = typeof id === "number" && Number.isSafeInteger(id) && id >= 0;
  if (isNumber || (typeof id === "string" && uuid.test(id))) return id;
  throw invalid(`Qdrant's ids are whole numbers from 0 and UUIDs, not ${describe(id)}`);
}

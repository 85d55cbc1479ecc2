import type { Vectors } from "../compare.js";
import { dotRows } from "../search.js";
import { fromBits, sameBits, toBits, toInt8, unitRows } from "./quantise.js";

/** How near row `a` of one set is to row `b` of another; higher is nearer. */
export type Score = (a: number, b: number) => number;

/** A form in which vectors are stored and searched. */
export interface Output {
  readonly bytesPerVector: (dimensions: number) => number;
  /** Compares a query (or first sentence) with a document (or second one). */
  readonly score: (queries: Vectors, documents: Vectors) => Score;
  /** A second, exacter look at the best of the first, for search alone. */
  readonly rescore?: (queries: Vectors, documents: Vectors) => Score;
}

/** As many times more hits are looked at again as are wanted: sentence-transformers' `rescore_multiplier`. */
export const rescoreFactor = 4;

const float32: Output = {
  bytesPerVector: (dimensions) => 4 * dimensions,
  score: (queries, documents) => (a, b) => dotRows(queries.data, a, documents.data, b, documents.dimensions),
};

const int8: Output = {
  bytesPerVector: (dimensions) => dimensions,
  score: (queries, documents) => float32.score(throughInt8(queries), throughInt8(documents)),
};

const binary: Output = {
  bytesPerVector: (dimensions) => dimensions / 8,
  score: (queries, documents) => {
    const [left, right, bytes] = [toBits(queries), toBits(documents), documents.dimensions / 8];
    return (a, b) => sameBits(left, a, right, b, bytes);
  },
};

/** Bits find candidates, and the query's float32 vector orders them: the index holds nothing but bits. */
const binaryRescored: Output = {
  ...binary,
  rescore: (queries, documents) => {
    const right = fromBits(toBits(documents));
    return (a, b) => dotRows(queries.data, a, right, b, documents.dimensions);
  },
};

/** The outputs that a sweep knows, by name. */
export const outputs = { float32, int8, binary, "binary+rescore": binaryRescored } as const;

/** The name of an output that a sweep knows. */
export type OutputName = keyof typeof outputs;

/** The names of all outputs that a sweep knows. */
export const outputNames = Object.keys(outputs) as OutputName[];

function throughInt8(vectors: Vectors): Vectors {
  return unitRows(toInt8(vectors), vectors.dimensions);
}

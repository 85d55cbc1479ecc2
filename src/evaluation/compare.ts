import { cosineSimilarity } from "../similarity.js";

/** Unit vectors, row-major. */
export interface Vectors {
  readonly data: Float32Array;
  readonly dimensions: number;
}

/** The largest difference of a component; infinite where the vectors have different lengths or are not numbers. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (const [index, value] of a.entries()) {
    const difference = Math.abs(value - (b[index] as number));
    if (Number.isNaN(difference)) return Infinity;
    if (difference > largest) largest = difference;
  }
  return largest;
}

/** The cosines of the rows of `a` with those of `b`; a text without a direction in both has 1. */
export function cosines(a: Vectors, b: Vectors): number[] {
  const { dimensions } = a;
  const count = a.data.length / dimensions;
  return Array.from({ length: count }, (_, row) => {
    const rowA = rowOf(a, row);
    const rowB = rowOf(b, row);
    if (rowA.every((value) => value === 0) && rowB.every((value) => value === 0)) return 1;
    return cosineSimilarity(rowA, rowB);
  });
}

/** How many rows of `a` and `b` are not the same to the bit. */
export function differentRows(a: Vectors, b: Vectors): number {
  const count = a.data.length / a.dimensions;
  let different = 0;
  for (let row = 0; row < count; row++) {
    if (Buffer.compare(bytesOf(rowOf(a, row)), bytesOf(rowOf(b, row))) !== 0) different++;
  }
  return different;
}

export function rowOf({ data, dimensions }: Vectors, row: number): Float32Array {
  return data.subarray(row * dimensions, (row + 1) * dimensions);
}

function bytesOf(row: Float32Array): Buffer {
  return Buffer.from(row.buffer, row.byteOffset, row.byteLength);
}

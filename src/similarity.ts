import { CandleEmbedError } from "./errors.js";

/**
 * Dot product of two vectors of the same length, summed in double precision. O(dimensions).
 *
 * @throws CandleEmbedError `DIMENSION_MISMATCH` when the lengths differ.
 */
export function dotProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  requireSameLength(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/**
 * Cosine of the angle between two vectors of the same length: 1 for the same direction, 0 for unrelated, -1 for
 * opposite. A vector of zeros has no direction and gives 0. O(dimensions).
 *
 * @throws CandleEmbedError `DIMENSION_MISMATCH` when the lengths differ.
 */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  requireSameLength(a, b);
  let dot = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    dot += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  const norms = Math.sqrt(squareA) * Math.sqrt(squareB);
  if (norms === 0) return 0;
  // Rounding can leave the interval by one unit in the last place, which breaks Math.acos for a caller.
  return Math.max(-1, Math.min(1, dot / norms));
}

function requireSameLength(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length) {
    throw new CandleEmbedError(
      "DIMENSION_MISMATCH",
      `vectors of ${String(a.length)} and ${String(b.length)} dimensions cannot be compared`,
    );
  }
}

import { describe, invalid } from "./backends/check-options.js";
import { Embeddings } from "./embeddings.js";
import { CandleEmbedError } from "./errors.js";

/**
 * Dot product of two vectors of the same length, summed in double precision. O(dimensions).
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what is no vector; `DIMENSION_MISMATCH` when the lengths differ.
 */
export function dotProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  requireComparable(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/**
 * Cosine of the angle between two vectors of the same length: 1 for the same direction, 0 for unrelated, -1 for
 * opposite. A vector of zeros has no direction and gives 0. O(dimensions).
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what is no vector; `DIMENSION_MISMATCH` when the lengths differ.
 */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  requireComparable(a, b);
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
  if (!isOrdinary(squareA) || !isOrdinary(squareB)) return cosineOfExtremes(a, b);
  return clamp(dot / (Math.sqrt(squareA) * Math.sqrt(squareB)));
}

/** Whether neither overflow nor underflow can have changed a sum of squares, or a dot product between two such. */
function isOrdinary(square: number): boolean {
  return square > 1e-200 && square < 1e200;
}

function cosineOfExtremes(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [scaled(a), scaled(b)];
  const norms = Math.sqrt(dotProduct(x, x)) * Math.sqrt(dotProduct(y, y));
  return norms === 0 ? 0 : clamp(dotProduct(x, y) / norms);
}

/** The vector divided by its largest component. */
function scaled(vector: ArrayLike<number>): number[] {
  const components = Array.from(vector);
  const largest = components.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest === 0 ? components : components.map((value) => value / largest);
}

/** Rounding can leave the interval by one unit in the last place, which breaks Math.acos for a caller. */
function clamp(cosine: number): number {
  return Math.max(-1, Math.min(1, cosine));
}

/** @throws CandleEmbedError `INVALID_INPUT` for what is no vector; `DIMENSION_MISMATCH` when the lengths differ. */
export function requireComparable(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (!isVector(a)) throw notAVector("the first vector", a);
  if (!isVector(b)) throw notAVector("the second vector", b);
  if (a.length !== b.length) {
    throw new CandleEmbedError(
      "DIMENSION_MISMATCH",
      `vectors of ${String(a.length)} and ${String(b.length)} dimensions cannot be compared`,
    );
  }
}

/** By its length and its first number: looking at all of them would cost as much as the product. */
export function isVector(value: unknown): value is ArrayLike<number> {
  if (typeof value !== "object" || value === null) return false;
  const { length, 0: first } = value as ArrayLike<unknown>;
  return typeof length === "number" && (length === 0 || typeof first === "number");
}

/** The error of an argument that is no vector, with what to pass instead. */
export function notAVector(name: string, value: unknown): CandleEmbedError {
  return invalid(`${name} must be an array of numbers, not ${describeNoVector(value)}`);
}

function describeNoVector(value: unknown): string {
  if (value instanceof Embeddings) {
    return "Embeddings: take one of its vectors, .at(0), or embed a single text with embedQuery";
  }
  if (typeof value === "string") return `${describe(value)}: embed it first`;
  if (Array.isArray(value)) return `an array that begins with ${describe(value[0])}`;
  return describe(value);
}

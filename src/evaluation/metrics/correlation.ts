import { CandleEmbedError } from "../../errors.js";
import { isVector, notAVector } from "../../similarity.js";

/**
 * Pearson's correlation of two lists of the same length, as `scipy.stats.pearsonr` gives it: NaN where a list is constant.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what are no lists of numbers, of different lengths or of fewer than two.
 */
export function pearson(left: ArrayLike<number>, right: ArrayLike<number>): number {
  requireLists(left, right);
  const { length } = left;
  if (length !== right.length || length < 2) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `a correlation needs two lists of the same length from 2, not ${String(length)} and ${String(right.length)} numbers`,
    );
  }
  const a = centred(left);
  const b = centred(right);
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let index = 0; index < length; index++) {
    const x = a[index] as number;
    const y = b[index] as number;
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return Math.max(-1, Math.min(1, product / (Math.sqrt(squaresA) * Math.sqrt(squaresB))));
}

/**
 * Spearman's rank correlation, as `scipy.stats.spearmanr` gives it: Pearson's of the ranks, equal values sharing the mean
 * of theirs.
 *
 * @throws CandleEmbedError as {@link pearson}.
 */
export function spearman(left: ArrayLike<number>, right: ArrayLike<number>): number {
  requireLists(left, right);
  return pearson(ranks(left), ranks(right));
}

function requireLists(left: unknown, right: unknown): void {
  if (!isVector(left)) throw notAVector("the first list", left);
  if (!isVector(right)) throw notAVector("the second list", right);
}

function centred(values: ArrayLike<number>): Float64Array {
  const copy = Float64Array.from(values);
  const mean = copy.reduce((sum, value) => sum + value, 0) / copy.length;
  return copy.map((value) => value - mean);
}

/** Positions in ascending order, from 1. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from(values, (_, index) => index);
  order.sort((a, b) => (values[a] as number) - (values[b] as number));
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    const value = values[order[start] as number];
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === value) end++;
    for (let at = start; at < end; at++) result[order[at] as number] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}

// Measures of quality, as the field defines them.

/** Spearman's rank correlation: Pearson's of the ranks. */
export function spearman(left: number[], right: number[]): number {
  const [a, b] = [ranks(left), ranks(right)];
  const mean = (a.length - 1) / 2;
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  a.forEach((rank, index) => {
    const other = b[index] as number;
    product += (rank - mean) * (other - mean);
    squaresA += (rank - mean) ** 2;
    squaresB += (other - mean) ** 2;
  });
  return product / Math.sqrt(squaresA * squaresB);
}

/** Positions in ascending order; equal values share the mean of theirs. */
function ranks(values: number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const result = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && order[end]?.value === order[start]?.value) end++;
    for (let at = start; at < end; at++) result[order[at]?.index as number] = (start + end - 1) / 2;
    start = end;
  }
  return result;
}

/**
 * Normalised discounted cumulative gain of the first `k`, with linear gain as trec_eval computes it. Equal scores stay
 * in the corpus's order.
 *
 * @param relevant the grade of each relevant document
 * @param scores one a document
 */
export function ndcg(
  relevant: ReadonlyMap<string, number>,
  scores: Float64Array,
  ids: readonly string[],
  k: number,
): number {
  const order = ids.map((_, index) => index);
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  const gainOf = (grades: readonly number[]) =>
    grades.slice(0, k).reduce((sum, grade, rank) => sum + grade / Math.log2(rank + 2), 0);
  const found = gainOf(order.slice(0, k).map((index) => relevant.get(ids[index] as string) ?? 0));
  const ideal = gainOf([...relevant.values()].sort((a, b) => b - a));
  return ideal === 0 ? 0 : found / ideal;
}

import { describe, invalid } from "../../backends/check-options.js";
import { checkRanking } from "../check-arguments.js";

/** The grade of each judged document of a query, by id. 0 and less: judged, and not relevant. */
export type Judgements = ReadonlyMap<string, number>;

/** Takes a ranking, best first, and gives a number from 0 to 1. */
export type RetrievalMetric = (ranking: readonly string[], judgements: Judgements) => number;

/**
 * Document ids in trec_eval's order: by score, which it keeps as float32; equal scores by descending bytes of the id. So
 * that a figure can be compared with every other one that was made with it, whatever order the documents came in.
 */
export function rankDocuments(scores: Iterable<readonly [id: string, score: number]>): string[] {
  if (typeof (scores as Partial<typeof scores> | undefined)?.[Symbol.iterator] !== "function") {
    throw invalid(`the scores must be pairs of an id and a number, not ${describe(scores)}`);
  }
  return Array.from(scores, toScored)
    .sort(byRank)
    .map(({ id }) => id);
}

function toScored(pair: readonly [id: string, score: number]): { id: string; score: number } {
  const [id, score] = Array.isArray(pair) ? pair : [];
  if (typeof id === "string" && typeof score === "number") return { id, score: Math.fround(score) };
  throw invalid(`the scores must be pairs of an id and a number, not ${describe(pair)}`);
}

/** The order of {@link rankDocuments}, for scores that are float32 already. */
export function byRank(
  a: { readonly id: string; readonly score: number },
  b: { readonly id: string; readonly score: number },
): number {
  if (a.score !== b.score) return b.score - a.score;
  return a.id === b.id ? 0 : Buffer.compare(Buffer.from(b.id), Buffer.from(a.id));
}

/** Normalised discounted cumulative gain of the first `k`, the gain being the grade (trec_eval's `ndcg_cut`). */
export function ndcg(ranking: readonly string[], judgements: Judgements, k: number): number {
  checkRanking(ranking, judgements, k);
  const found = ranking.slice(0, k).map((id) => judgements.get(id) ?? 0);
  const ideal = [...judgements.values()].sort((a, b) => b - a).slice(0, k);
  const best = discounted(ideal);
  return best === 0 ? 0 : discounted(found) / best;
}

/** The share of the relevant documents that are among the first `k` (trec_eval's `recall`). */
export function recall(ranking: readonly string[], judgements: Judgements, k: number): number {
  checkRanking(ranking, judgements, k);
  const relevant = countRelevant(judgements);
  const found = ranking.slice(0, k).filter((id) => isRelevant(judgements, id)).length;
  return relevant === 0 ? 0 : found / relevant;
}

/** One over the rank of the first relevant document, 0 where it is not among the first `k` (trec_eval's `recip_rank`). */
export function reciprocalRank(ranking: readonly string[], judgements: Judgements, k: number): number {
  checkRanking(ranking, judgements, k);
  const index = ranking.slice(0, k).findIndex((id) => isRelevant(judgements, id));
  return index === -1 ? 0 : 1 / (index + 1);
}

/** The mean over the relevant documents of the precision at their ranks among the first `k` (trec_eval's `map_cut`). */
export function averagePrecision(
  ranking: readonly string[],
  judgements: Judgements,
  k = (ranking as readonly string[] | undefined)?.length ?? 0,
): number {
  checkRanking(ranking, judgements, k);
  const relevant = countRelevant(judgements);
  let found = 0;
  let sum = 0;
  ranking.slice(0, k).forEach((id, index) => {
    if (isRelevant(judgements, id)) sum += ++found / (index + 1);
  });
  return relevant === 0 ? 0 : sum / relevant;
}

const families = { ndcg, recall, mrr: reciprocalRank, map: averagePrecision } as const;

/**
 * The metric of a name: `ndcg@10`, `recall@100`, `mrr@10`, `map@100`, `map`.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for another name.
 */
export function retrievalMetric(name: string): RetrievalMetric {
  const [, family = "", cut] = /^(ndcg|recall|mrr|map)(?:@([1-9]\d{0,5}))?$/.exec(name) ?? [];
  if (family === "" || (cut === undefined && family !== "map")) {
    throw invalid(
      `there is no metric ${describe(name)}; there are ndcg@K, recall@K, mrr@K, map@K (K from 1) and map`,
    );
  }
  const metric = families[family as keyof typeof families];
  return (ranking, judgements) =>
    metric(ranking, judgements, cut === undefined ? ranking.length : Number(cut));
}

/** Grades below 0 cost nothing. */
function discounted(grades: readonly number[]): number {
  return grades.reduce((sum, grade, index) => sum + Math.max(0, grade) / Math.log2(index + 2), 0);
}

function isRelevant(judgements: Judgements, id: string): boolean {
  return (judgements.get(id) ?? 0) >= 1;
}

function countRelevant(judgements: Judgements): number {
  let count = 0;
  for (const grade of judgements.values()) if (grade >= 1) count++;
  return count;
}

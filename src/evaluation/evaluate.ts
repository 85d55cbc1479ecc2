import {
  checkOptions,
  isAbortSignal,
  isArray,
  isBoolean,
  isFunction,
  isPositiveInteger,
  type OptionCheck,
} from "../backends/check-options.js";
import { CandleEmbedError } from "../errors.js";
import { aborted } from "../utils/cancellation.js";
import { inBatches } from "../utils/in-batches.js";
import { checkDataset, checkEmbedder } from "./check-arguments.js";
import type { Dataset, RetrievalDataset, StsDataset } from "./datasets/dataset.js";
import { embedUnit, type Embedder } from "./embedder.js";
import { pearson, spearman } from "./metrics/correlation.js";
import { retrievalMetric, type Judgements } from "./metrics/retrieval.js";
import { BestDocuments, dotRows } from "./search.js";

/** How good vectors are on one data set. */
export interface Evaluation {
  /** Its name. */
  readonly embedder: string;
  /** Its name. */
  readonly dataset: string;
  readonly kind: Dataset["kind"];
  /** By name; means over the queries in retrieval. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The name of the figure that stands for the rest. */
  readonly main: string;
  /** Texts embedded, and the time that took. */
  readonly texts: number;
  /** Time that embedding took. */
  readonly embedSeconds: number;
}

/** How a retrieval data set is evaluated. */
export interface EvaluateOptions {
  /** Default {@link defaultMetrics}. */
  readonly metrics?: readonly string[];
  /** Documents ranked for each query; default 1,000, as BEIR has it. */
  readonly depth?: number;
  /**
   * Leaves a document out of the ranking of the query with its id, as BEIR's own runner does: for ArguAna and Quora, whose
   * queries are documents. Elsewhere equal ids say nothing.
   */
  readonly ignoreIdenticalIds?: boolean;
  /** Ends the evaluation early. */
  readonly signal?: AbortSignal;
  /** Told after each part of the work. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What retrieval is measured by, unless a call says otherwise. The first is the main one. */
export const defaultMetrics = ["ndcg@10", "recall@10", "recall@100", "mrr@10", "map"] as const;

const checks = {
  metrics: isArray,
  depth: isPositiveInteger,
  ignoreIdenticalIds: isBoolean,
  signal: isAbortSignal,
  onProgress: isFunction,
} satisfies Record<keyof EvaluateOptions, OptionCheck>;

/**
 * Embeds a data set and measures how well the vectors do.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for wrong arguments, a metric that there is not, or vectors that are none;
 * `ABORTED`; and what the embedder throws.
 */
export async function evaluate(
  embedder: Embedder,
  dataset: Dataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkEmbedder(embedder);
  checkDataset(dataset);
  checkOptions(options, checks);
  return dataset.kind === "sts"
    ? evaluateSts(embedder, dataset, options)
    : evaluateRetrieval(embedder, dataset, options);
}

async function evaluateRetrieval(
  embedder: Embedder,
  dataset: RetrievalDataset,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { metrics = defaultMetrics, depth = 1_000, ignoreIdenticalIds = false } = options;
  metrics.forEach(retrievalMetric);
  const clock = new Clock(dataset.queries.length + dataset.documents.length, options);
  const queryTexts = dataset.queries.map(({ text }) => text);
  const queries = await clock.time(queryTexts.length, () => embedUnit(embedder, queryTexts, "query"));
  const best = dataset.queries.map(() => new BestDocuments(depth));
  for await (const batch of inBatches(dataset.documents, ({ text }) => text)) {
    const texts = batch.map(({ text }) => text);
    const documents = await clock.time(texts.length, () => embedUnit(embedder, texts, "document"));
    requireLength(embedder, queries.dimensions, documents.dimensions);
    best.forEach((hits, query) => {
      batch.forEach(({ id }, row) => {
        if (ignoreIdenticalIds && id === dataset.queries[query]?.id) return;
        hits.offer(id, dotRows(queries.data, query, documents.data, row, queries.dimensions));
      });
    });
  }
  const rankings = best.map((hits) => hits.ranked());
  return {
    embedder: embedder.name,
    dataset: dataset.name,
    kind: "retrieval",
    metrics: meanMetrics(dataset, rankings, metrics),
    main: metrics[0] ?? "ndcg@10",
    texts: clock.texts,
    embedSeconds: clock.seconds,
  };
}

/** The mean of each metric over the queries of a data set; `rankings` in their order. */
export function meanMetrics(
  { queries, judgements }: RetrievalDataset,
  rankings: readonly (readonly string[])[],
  metrics: readonly string[],
): Record<string, number> {
  const none: Judgements = new Map();
  return Object.fromEntries(
    metrics.map((name) => {
      const metric = retrievalMetric(name);
      const values = queries.map(({ id }, index) =>
        metric(rankings[index] ?? [], judgements.get(id) ?? none),
      );
      return [name, values.reduce((sum, value) => sum + value, 0) / values.length];
    }),
  );
}

async function evaluateSts(
  embedder: Embedder,
  { name, pairs }: StsDataset,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const clock = new Clock(2 * pairs.length, options);
  const cosines: number[] = [];
  for await (const batch of inBatches(pairs, ({ first, second }) => first + second)) {
    const texts = batch.flatMap(({ first, second }) => [first, second]);
    const { data, dimensions } = await clock.time(texts.length, () =>
      embedUnit(embedder, texts, "similarity"),
    );
    batch.forEach((_, row) => cosines.push(dotRows(data, 2 * row, data, 2 * row + 1, dimensions)));
  }
  const scores = pairs.map(({ score }) => score);
  return {
    embedder: embedder.name,
    dataset: name,
    kind: "sts",
    metrics: { spearman: spearman(scores, cosines), pearson: pearson(scores, cosines) },
    main: "spearman",
    texts: clock.texts,
    embedSeconds: clock.seconds,
  };
}

function requireLength({ name }: Embedder, queries: number, documents: number): void {
  if (queries === documents) return;
  throw new CandleEmbedError(
    "INVALID_INPUT",
    `the embedder ${JSON.stringify(name)} gave queries ${String(queries)} and documents ${String(documents)} dimensions`,
  );
}

/** Adds up what embedding takes, without the search. */
class Clock {
  texts = 0;
  seconds = 0;
  readonly #total: number;
  readonly #options: EvaluateOptions;

  constructor(total: number, options: EvaluateOptions) {
    this.#total = total;
    this.#options = options;
  }

  async time<Result>(texts: number, work: () => Promise<Result>): Promise<Result> {
    const { signal, onProgress } = this.#options;
    if (signal?.aborted === true) throw aborted(signal);
    const start = performance.now();
    const result = await work();
    this.seconds += (performance.now() - start) / 1000;
    this.texts += texts;
    onProgress?.(this.texts, this.#total);
    return result;
  }
}

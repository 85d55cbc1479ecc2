import { checkMembers, invalid } from "../../backends/check-options.js";
import { checkDataset } from "../check-arguments.js";
import type { Vectors } from "../compare.js";
import type { Dataset, RetrievalDataset } from "../datasets/dataset.js";
import { meanMetrics } from "../evaluate.js";
import { spearman } from "../metrics/correlation.js";
import { BestDocuments } from "../search.js";
import { embedInProcess, type EmbeddedSet, type SweepModelOptions } from "./embed-in-process.js";
import { outputNames, outputs, rescoreFactor, type Output, type OutputName } from "./outputs.js";

/** Which arithmetics, lengths and outputs are compared. */
export interface SweepOptions extends SweepModelOptions {
  /** Default `["float32", "int8"]`. */
  readonly dtypes?: readonly ("float32" | "int8")[];
  /** Default: the model's own, and what is below it of 512, 256, 128 and 64. */
  readonly dimensions?: readonly number[];
  /** Default: all of {@link outputNames}; `binary+rescore` is for retrieval. */
  readonly outputs?: readonly OutputName[];
  /** Ends the sweep early. */
  readonly signal?: AbortSignal;
  /** Told each part as it is done. */
  readonly onPoint?: (point: SweepPoint) => void;
}

/** One way to make and store vectors. */
export interface SweepPoint {
  /** The arithmetic of the model. */
  readonly dtype: string;
  /** Numbers of a vector after the cut. */
  readonly dimensions: number;
  /** Which of `outputNames`. */
  readonly output: OutputName;
  /** What a store keeps of each. */
  readonly bytesPerVector: number;
  /** nDCG@10 or Spearman. */
  readonly quality: number;
  /** Documents a second; outputs and lengths do not change it. */
  readonly textsPerSecond: number;
  /** Peak memory of a process with the model and the vectors. */
  readonly peakBytes: number;
}

/** What quantisation and shorter vectors cost a model on a data set. */
export interface SweepReport {
  readonly modelId: string;
  /** Its name. */
  readonly dataset: string;
  /** What the scores are. */
  readonly metric: "ndcg@10" | "spearman";
  /** How many were embedded. */
  readonly texts: number;
  /** Of the engine. */
  readonly threads: number;
  /** A line of the table each. */
  readonly points: readonly SweepPoint[];
}

/** Hits that nDCG@10 looks at. */
const hitsWanted = 10;

/**
 * Embeds a data set in each arithmetic, each in a process of its own, and measures all lengths and outputs of the vectors.
 *
 * @throws CandleEmbedError `INVALID_INPUT`, `ABORTED`, and as `NativeBackend.load`.
 */
export async function sweep(
  model: string | undefined,
  dataset: Dataset,
  options: SweepOptions,
): Promise<SweepReport> {
  checkDataset(dataset);
  checkMembers("options", options, {});
  const {
    dtypes = ["float32", "int8"],
    dimensions,
    outputs: wanted = outputNames,
    signal,
    onPoint,
  } = options;
  const names = wanted.filter((name) => dataset.kind === "retrieval" || outputs[name].rescore === undefined);
  const wrong = dimensions?.find((each) => names.some((name) => name.startsWith("binary")) && each % 8 !== 0);
  if (wrong !== undefined) {
    throw invalid(`binary output packs 8 dimensions a byte; ${String(wrong)} do not fit`);
  }
  const [queries, documents] = textsOf(dataset);
  const { threads, pooling, revision, cacheDir, offline, token } = options;
  const points: SweepPoint[] = [];
  let embedded: EmbeddedSet | undefined;
  for (const dtype of dtypes) {
    const load = { threads, pooling, revision, cacheDir, offline, token, dtype };
    const task = { model, options: load, kind: dataset.kind, queries, documents, dimensions };
    embedded = await embedInProcess(task, signal);
    for (const vectors of embedded.sets) {
      const kept = vectors.documents.dimensions;
      for (const output of names) {
        const point = {
          dtype: embedded.dtype,
          dimensions: kept,
          output,
          bytesPerVector: outputs[output].bytesPerVector(kept),
          quality: qualityOf(dataset, outputs[output], vectors.queries, vectors.documents),
          textsPerSecond: embedded.textsPerSecond,
          peakBytes: embedded.peakBytes,
        };
        points.push(point);
        onPoint?.(point);
      }
    }
  }
  return {
    modelId: embedded?.modelId ?? model ?? "",
    dataset: dataset.name,
    metric: dataset.kind === "sts" ? "spearman" : "ndcg@10",
    texts: queries.length + documents.length,
    threads: embedded?.threads ?? 0,
    points,
  };
}

function textsOf(dataset: Dataset): [queries: string[], documents: string[]] {
  return dataset.kind === "sts"
    ? [dataset.pairs.map(({ first }) => first), dataset.pairs.map(({ second }) => second)]
    : [dataset.queries.map(({ text }) => text), dataset.documents.map(({ text }) => text)];
}

/** The quality of vectors in one output. */
export function qualityOf(dataset: Dataset, output: Output, queries: Vectors, documents: Vectors): number {
  const score = output.score(queries, documents);
  if (dataset.kind === "sts") {
    const { pairs } = dataset;
    return spearman(
      pairs.map((pair) => pair.score),
      pairs.map((_, index) => score(index, index)),
    );
  }
  const rankings = rank(dataset, score, output.rescore?.(queries, documents));
  return meanMetrics(dataset, rankings, ["ndcg@10"])["ndcg@10"] ?? NaN;
}

function rank(
  { queries, documents }: RetrievalDataset,
  score: (query: number, document: number) => number,
  rescore: ((query: number, document: number) => number) | undefined,
): string[][] {
  const rowOf = new Map(documents.map(({ id }, row) => [id, row]));
  return queries.map((_, query) => {
    const best = new BestDocuments(rescore === undefined ? hitsWanted : rescoreFactor * hitsWanted);
    documents.forEach(({ id }, row) => {
      best.offer(id, score(query, row));
    });
    if (rescore === undefined) return best.ranked();
    const again = new BestDocuments(hitsWanted);
    for (const id of best.ranked()) again.offer(id, rescore(query, rowOf.get(id) as number));
    return again.ranked();
  });
}

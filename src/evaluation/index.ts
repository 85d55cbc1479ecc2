/**
 * How good embeddings are: retrieval and similarity metrics, data sets, recall scenarios, and what quantisation costs.
 *
 * @packageDocumentation
 */
export { pearson, spearman } from "./metrics/correlation.js";
export {
  averagePrecision,
  ndcg,
  rankDocuments,
  recall,
  reciprocalRank,
  retrievalMetric,
  type Judgements,
  type RetrievalMetric,
} from "./metrics/retrieval.js";
export type { Dataset, DatasetText, RetrievalDataset, StsDataset, StsPair } from "./datasets/dataset.js";
export { expandDatasetNames, openDataset } from "./datasets/open-dataset.js";
export { hubDatasetNames, type DatasetOptions } from "./datasets/hub-datasets.js";
export { readBeirFolder } from "./datasets/read-beir.js";
export { readStsFile } from "./datasets/read-sts.js";
export { toEmbedder, type Embedder, type TextKind } from "./embedder.js";
export { defaultMetrics, evaluate, type EvaluateOptions, type Evaluation } from "./evaluate.js";

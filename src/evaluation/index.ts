/**
 * How good embeddings are, and how fast they come: retrieval and similarity metrics, data sets, recall scenarios, what
 * quantisation costs, texts a second.
 *
 * @module candle-embed/evaluation
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
export { builtInScenarioNames, openScenario } from "./recall/built-in-scenarios.js";
export {
  combineRecall,
  evaluateRecall,
  type MissedQuestion,
  type Outranked,
  type RecallScores,
} from "./recall/evaluate-recall.js";
export {
  distractorKinds,
  parseScenario,
  type Distractor,
  type DistractorKind,
  type Scenario,
  type ScenarioFact,
  type ScenarioQuestion,
} from "./recall/scenario.js";
export { measureSpeed, type SpeedOptions, type SpeedPoint } from "./speed.js";
export type { SweepModelOptions } from "./sweep/embed-in-process.js";
export { outputNames, type OutputName } from "./sweep/outputs.js";
export { plotSweep } from "./sweep/plot.js";
export { sweep, type SweepOptions, type SweepPoint, type SweepReport } from "./sweep/sweep.js";

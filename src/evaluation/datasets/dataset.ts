import type { Judgements } from "../metrics/retrieval.js";

/** A text with its id. */
export interface DatasetText {
  readonly id: string;
  readonly text: string;
}

/** Queries, and which documents answer them. */
export interface RetrievalDataset {
  readonly kind: "retrieval";
  readonly name: string;
  readonly queries: readonly DatasetText[];
  readonly documents: readonly DatasetText[];
  /** By the id of the query. Queries without judgements are not asked. */
  readonly judgements: ReadonlyMap<string, Judgements>;
}

/** Two sentences, and how near people found them. */
export interface StsPair {
  readonly first: string;
  readonly second: string;
  readonly score: number;
}

/** Pairs of sentences with scores (semantic textual similarity). */
export interface StsDataset {
  readonly kind: "sts";
  readonly name: string;
  readonly pairs: readonly StsPair[];
}

/** What quality is measured on. */
export type Dataset = RetrievalDataset | StsDataset;

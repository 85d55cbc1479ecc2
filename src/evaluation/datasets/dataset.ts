import type { Judgements } from "../metrics/retrieval.js";

/** A text with its id. */
export interface DatasetText {
  /** What judgements call it. */
  readonly id: string;
  /** Title and body. */
  readonly text: string;
}

/** Queries, and which documents answer them. */
export interface RetrievalDataset {
  readonly kind: "retrieval";
  /** For tables. */
  readonly name: string;
  /** What is asked. */
  readonly queries: readonly DatasetText[];
  /** What is searched. */
  readonly documents: readonly DatasetText[];
  /** By the id of the query. Queries without judgements are not asked. */
  readonly judgements: ReadonlyMap<string, Judgements>;
}

/** Two sentences, and how near people found them. */
export interface StsPair {
  readonly first: string;
  readonly second: string;
  /** How alike people found them; only the order counts. */
  readonly score: number;
}

/** Pairs of sentences with scores (semantic textual similarity). */
export interface StsDataset {
  readonly kind: "sts";
  /** For tables. */
  readonly name: string;
  /** Sentences that people have compared. */
  readonly pairs: readonly StsPair[];
}

/** What quality is measured on. */
export type Dataset = RetrievalDataset | StsDataset;

// What the AI SDK's packages call EmbeddingModelV2, V3 and V4 (@ai-sdk/provider 2, 3 and 4), as far as this model has it.
// Written here so that types need none of those versions; test/types holds them against the real ones.

/** Which of the AI SDK's interfaces a model has: `"v4"` for `ai` 7, `"v3"` for 6, `"v2"` for 5. */
export type Specification = "v2" | "v3" | "v4";

/** A call of the AI SDK. */
export interface EmbedCall {
  /** The texts. */
  readonly values: string[];
  /** Only `ai` 7 sends it. */
  readonly dimensions?: number | undefined;
  /** Ends the call early. */
  readonly abortSignal?: AbortSignal | undefined;
  /** `{ "candle-embed": { ... } }` with a `CallOptions`. */
  readonly providerOptions?: Readonly<Record<string, object>> | undefined;
  /** For remote services; of no meaning here. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Something a program should look at; `ai` prints it. */
export interface Warning {
  /** The AI SDK's kind of warning. */
  type: "other";
  /** For people. */
  message: string;
}

/** The answer to a call. */
export interface EmbedAnswer {
  /** In the order of the texts. */
  embeddings: number[][];
  /** Absent where the backend did not count, as an API for several texts. */
  usage?: { tokens: number };
  /** Under the name `candle-embed`: which backend answered, and the indices of the texts that lost tokens. */
  providerMetadata: Record<string, { backend: string; truncated: number[] }>;
}

/** An embedding model for the AI SDK. */
export interface CandleEmbeddingModel<Spec extends Specification = "v4"> extends AsyncDisposable {
  /** Which of the AI SDK's interfaces it has. */
  readonly specificationVersion: Spec;
  /** `"candle-embed"`. */
  readonly provider: string;
  /** The model that is meant; until it is loaded, as it was named. */
  readonly modelId: string;
  /** `Infinity`: batches are made inside. */
  readonly maxEmbeddingsPerCall: number;
  /** Whether calls at the same time gain anything. */
  readonly supportsParallelCalls: boolean;
  /** What the AI SDK calls; programs call its `embed` and `embedMany`. */
  doEmbed(call: EmbedCall): Promise<Spec extends "v2" ? EmbedAnswer : EmbedAnswer & { warnings: Warning[] }>;
  /** Gives back a model that was loaded; a backend that was passed goes on. */
  dispose(): Promise<void>;
}

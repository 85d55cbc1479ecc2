/// <reference lib="esnext.disposable" preserve="true" />
import type { Embeddings } from "./embeddings.js";

/** What a text is to a search: some models put another prompt before each. */
export type InputType = "query" | "document";

/** Which end of a text that is too long is cut, or that it is refused. */
export type Truncate = "end" | "start" | "error";

/** The numbers of the result; `binary` and `ubinary` pack eight dimensions into a byte. */
export type OutputType = "float32" | "int8" | "uint8" | "binary" | "ubinary";

/** The array type that holds vectors of an {@link OutputType}. */
export type OutputVector<Output extends OutputType = OutputType> = Output extends "float32"
  ? Float32Array
  : Output extends "int8" | "binary"
    ? Int8Array
    : Uint8Array;

/** How far a call has come. */
export interface EmbedProgress {
  /** Texts finished so far. */
  readonly texts: number;
  /** Texts of the call. */
  readonly totalTexts: number;
  /** Tokens of the finished texts, special tokens included. */
  readonly tokens: number;
}

/** Options of one call. Everything left out is the model's own choice. */
export interface EmbedOptions<Output extends OutputType = OutputType> {
  /** Takes the model's prompt for queries or documents, where it has one. */
  readonly inputType?: InputType | undefined;
  /** Takes a prompt of the model's by its name (see `space.prompts`). */
  readonly promptName?: string | undefined;
  /** Puts this before each text; `""` for nothing. */
  readonly prompt?: string | undefined;
  /**
   * Keeps the first so many dimensions and normalises again. For models trained for it (Matryoshka: the catalogue or the
   * folder's `config.json` says so), from the shortest length of their training on; others refuse.
   */
  readonly dimensions?: number | undefined;
  /** `true` lets `dimensions` cut any model to any length, at the price of what the vectors mean. */
  readonly cutWithoutMatryoshka?: boolean | undefined;
  /** `true` for vectors of length 1, `false` for the model's raw ones. */
  readonly normalize?: boolean | undefined;
  /** What happens to a text above `maxTokens`. Default `"end"`: its end is cut, and the result's `truncated` says so. */
  readonly truncate?: Truncate | undefined;
  /** Default `"float32"`. */
  readonly outputType?: Output | undefined;
  /** Ends the call early: before it starts, while it waits its turn, or between two batches. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each slice of work; if it throws, the call rejects with what it threw. */
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined;
}

/** What vectors can be compared with each other: those of the same `id`. */
export interface VectorSpace {
  /** SHA-256 over the weights, the tokenizer and all that changes the vectors. */
  readonly id: string;
  /** The model's id on the hub, or the name of its folder. */
  readonly modelId: string;
  /** Commit of the hub, or the hash of the weights. */
  readonly revision: string;
  /** Numbers of a vector, before any cut. */
  readonly dimensions: number;
  /** How token vectors become one: `"mean"`, `"cls"` ... */
  readonly pooling: string;
  /** Whether vectors have length 1, so that the dot product is the cosine. */
  readonly normalized: boolean;
  /** The model's prompts by name. */
  readonly prompts: Readonly<Record<string, string>>;
}

/** Turns texts into vectors. Local models, remote services and combinations of them all have this shape. */
export interface EmbeddingBackend extends AsyncDisposable {
  /** For example `"sentence-transformers/all-MiniLM-L6-v2"`. */
  readonly modelId: string;
  /** The model's commit, or the hash of its weights for a local folder. */
  readonly revision: string;
  /** The length of a vector, unless a call asks for fewer. */
  readonly dimensions: number;
  /** Tokens of a text the model reads, special tokens included. */
  readonly maxTokens: number;
  /** What its vectors can be compared with. */
  readonly space: VectorSpace;

  /** Embeds one text or many; row `i` of the result belongs to text `i`. */
  embed<Output extends OutputType = "float32">(
    texts: string | readonly string[],
    options?: EmbedOptions<Output>,
  ): Promise<Embeddings<OutputVector<Output>>>;

  /** Embeds one search query: `embed` with `inputType: "query"`, giving its vector. */
  embedQuery<Output extends OutputType = "float32">(
    text: string,
    options?: EmbedOptions<Output>,
  ): Promise<OutputVector<Output>>;

  /** Embeds texts to be found: `embed` with `inputType: "document"`. */
  embedDocuments<Output extends OutputType = "float32">(
    texts: readonly string[],
    options?: EmbedOptions<Output>,
  ): Promise<Embeddings<OutputVector<Output>>>;

  /** Ends the calls under way and frees the model. Calls after it reject with `DISPOSED`. */
  dispose(): Promise<void>;
}

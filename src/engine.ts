import { CandleEmbedError, errorCodes, type CandleEmbedErrorCode } from "./errors.js";

// What a backend needs of the engine that runs its model. The addon's classes (binding.d.ts) have these shapes, and so have
// those that stand for a worker with the WebAssembly module (src/wasm).

/** An error that crosses a boundary as data. */
export interface EngineError {
  code: string;
  message: string;
  index?: number;
  tokens?: number;
  limit?: number;
}

/** What a loaded model is. */
export interface EngineInfo {
  dimensions: number;
  maxTokens: number;
  pooling: string;
  normalized: boolean;
  prompts: Record<string, string>;
  /** Of the float weights; an int8 copy says its source's. */
  weightsSha256: string;
  /** Of the files as they are; of an int8 copy only where `hashFiles` asked for it. */
  filesSha256?: string;
  spaceId: string;
  device: string;
  dtype: string;
  threads: number;
}

/** How a model is loaded. */
export interface EngineLoadOptions {
  device?: string;
  dtype?: string;
  threads?: number;
  batchTokens?: number;
  pooling?: string;
  hashFiles?: boolean;
}

/** How the texts of a call are embedded. */
export interface EngineEmbedOptions {
  inputType?: string;
  promptName?: string;
  prompt?: string;
  dimensions?: number;
  cutWithoutMatryoshka?: boolean;
  normalize?: boolean;
  truncate?: string;
  outputType?: string;
}

/** The vectors of a call. */
export interface EngineEmbeddings {
  data: Float32Array | Int8Array | Uint8Array;
  tokens: Uint32Array;
  truncated: Uint32Array;
  dimensions: number;
}

/** Where a call stands. */
export interface EngineStep {
  texts: number;
  tokens: number;
  totalTexts: number;
  /** On the last step. */
  result?: EngineEmbeddings;
}

/** A call in progress. */
export interface EngineJob {
  /** Before the first step. */
  push(texts: string[]): void;
  /** Works for about so many milliseconds, off this thread. One step at a time. */
  step(budgetMs: number): Promise<EngineStep | EngineError>;
  /** Gives up the call. Not while a step runs. */
  close(): void;
}

/** Tokens of texts, one after another. */
export interface EngineTokens {
  ids: Uint32Array;
  /** Start and end of each id in its text, in UTF-16 code units. */
  offsets: Uint32Array;
  /** Ids of each text. */
  lengths: Uint32Array;
}

/** What comes later, or the error that was found at once. */
type Later<Value> = Promise<Value | EngineError> | EngineError;

/** A loaded model. */
export interface EngineEmbedder {
  readonly info: EngineInfo;
  startJob(options: EngineEmbedOptions): EngineJob | EngineError;
  tokenize(texts: string[], specialTokens: boolean): Later<EngineTokens>;
  detokenize(ids: Uint32Array, lengths: Uint32Array): Later<string[]>;
  dispose(): void;
}

/** The value of a call, or the error it answered with, thrown. */
export function unwrap<Value extends object>(value: Value | EngineError): Value {
  if (isEngineError(value)) {
    const { code, message, index, tokens, limit } = value;
    throw new CandleEmbedError(isErrorCode(code) ? code : "INTERNAL", message, { index, tokens, limit });
  }
  return value;
}

function isEngineError(value: object): value is EngineError {
  return "code" in value && typeof value.code === "string" && "message" in value;
}

function isErrorCode(code: string): code is CandleEmbedErrorCode {
  return (errorCodes as readonly string[]).includes(code);
}

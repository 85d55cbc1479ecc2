import type { EngineEmbedOptions, EngineError, EngineInfo, EngineStep, EngineTokens } from "../engine.js";

/** How the module loads a model; it computes on one thread of the CPU. */
export interface ModuleLoadOptions {
  readonly dtype?: string;
  readonly batchTokens?: number;
  readonly pooling?: string;
  readonly matryoshkaDimensions?: readonly number[];
  readonly hashFiles?: boolean;
}

/** What the worker is told. It answers what has an `id`; what goes wrong with the rest is told with the next step. */
export type Request =
  | {
      readonly method: "load";
      readonly id: number;
      readonly files: readonly (readonly [name: string, bytes: ArrayBuffer])[];
      readonly options: ModuleLoadOptions;
    }
  | { readonly method: "start"; readonly job: number; readonly options: EngineEmbedOptions }
  | { readonly method: "push"; readonly job: number; readonly texts: readonly string[] }
  | { readonly method: "step"; readonly id: number; readonly job: number; readonly budgetMs: number }
  | { readonly method: "close"; readonly job: number }
  | {
      readonly method: "tokenize";
      readonly id: number;
      readonly texts: readonly string[];
      readonly specialTokens: boolean;
    }
  | {
      readonly method: "detokenize";
      readonly id: number;
      readonly ids: Uint32Array;
      readonly lengths: Uint32Array;
    };

/** {@link EngineStep}, with the vectors as buffers: Deno copies typed arrays byte by byte, 23 MB in seconds. */
export interface StepReply extends Omit<EngineStep, "result"> {
  readonly result?: {
    readonly type: "float32" | "int8" | "uint8";
    readonly data: ArrayBuffer;
    readonly tokens: ArrayBuffer;
    readonly truncated: ArrayBuffer;
    readonly dimensions: number;
  };
}

/** What is answered. */
export type Answer = EngineInfo | StepReply | EngineTokens | string[];

/** What the worker answers. After `ended` it answers nothing any more: the module trapped, or could not be started. */
export type Reply =
  { readonly id: number; readonly value: Answer | EngineError } | { readonly ended: EngineError };

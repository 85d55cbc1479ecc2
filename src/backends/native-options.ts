import type { NativeLoadOptions } from "../native.js";
import {
  checkOptions,
  isAbortSignal,
  isFunction,
  isOneOf,
  isPositiveInteger,
  type OptionCheck,
} from "./check-options.js";

/** Where the model runs. `auto` is the fastest device that is there. */
export type Device = "auto" | "cpu" | "metal" | "cuda" | `cuda:${number}`;

/** The numbers the model computes with. `auto` is what the folder's weights are stored as. */
export type Dtype = "auto" | "float32" | "int8" | "float16" | "bfloat16";

export const poolings = ["cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] as const;

/** How token vectors become one vector. */
export type Pooling = (typeof poolings)[number];

/** How far loading has come. */
export interface LoadProgress {
  /** `load`: the folder is found, weights and tokenizer are being read; `ready`: the model can be used. */
  readonly stage: "load" | "ready";
  readonly modelId: string;
}

/** Options of `NativeBackend.load`. */
export interface NativeOptions {
  /** Default `"auto"`. */
  readonly device?: Device | undefined;
  /** Default `"auto"`. */
  readonly dtype?: Dtype | undefined;
  /** Threads of the engine. Default: `CANDLE_EMBED_THREADS`, else the CPUs this process may use (cgroup quota, affinity). */
  readonly threads?: number | undefined;
  /** Tokens of a batch: more is faster up to a point and takes more memory. */
  readonly batchTokens?: number | undefined;
  /** Only for a folder that leaves its pooling open. */
  readonly pooling?: Pooling | undefined;
  /** Gives up loading. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

const isDevice: OptionCheck = (value) =>
  typeof value === "string" && /^(?:auto|cpu|metal|cuda(?::\d{1,3})?)$/.test(value)
    ? undefined
    : "auto, cpu, metal, cuda or cuda:<number>";

const checks = {
  device: isDevice,
  dtype: isOneOf(["auto", "float32", "int8", "float16", "bfloat16"]),
  threads: isPositiveInteger,
  batchTokens: isPositiveInteger,
  pooling: isOneOf(poolings),
  signal: isAbortSignal,
  onProgress: isFunction,
} satisfies Record<keyof NativeOptions, OptionCheck>;

/** Checks the options and gives those that the addon takes. */
export function toNativeLoadOptions(options: NativeOptions): NativeLoadOptions {
  checkOptions(options, checks);
  const { device, dtype, threads, batchTokens, pooling } = options;
  return {
    ...(device !== undefined && { device }),
    ...(dtype !== undefined && { dtype }),
    ...(threads !== undefined && { threads }),
    ...(batchTokens !== undefined && { batchTokens }),
    ...(pooling !== undefined && { pooling }),
  };
}

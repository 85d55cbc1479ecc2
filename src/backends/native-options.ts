import type { DownloadProgress } from "../hub/progress.js";
import type { EngineLoadOptions } from "../engine.js";
import {
  checkOptions,
  isAbortSignal,
  isBoolean,
  isFilledString,
  isFunction,
  isOneOf,
  isPositiveInteger,
  type OptionCheck,
} from "./check-options.js";

/**
 * Where the model runs. `auto` is a GPU that is there and works, for models with float weights, whose vectors are then the CPU's
 * but for rounding (float32); everything else it leaves on the CPU. A GPU that is named computes in its best arithmetic
 * (float16), also with weights that are int8. `cuda` is `cuda:0`.
 */
export type Device = "auto" | "cpu" | "metal" | "cuda" | `cuda:${number}`;

/**
 * The numbers the model computes with. `auto` is int8 where the weights are stored so, else float32. `int8` of float weights
 * makes them at load, the same that `candle-embed quantize` writes; `float32` of the embedded model fetches its exact
 * weights from the hub. `float16` and `bfloat16` are for GPUs. On a GPU that is named, `auto` is float16.
 */
export type Dtype = "auto" | "float32" | "int8" | "float16" | "bfloat16";

export const poolings = ["cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] as const;

/** How token vectors become one vector. */
export type Pooling = (typeof poolings)[number];

/** How far loading has come. */
export interface LoadProgress {
  /**
   * `download`: files that the cache lacks are being fetched; `load`: the folder is found, weights and tokenizer are being
   * read; `ready`: the model can be used.
   */
  readonly stage: "download" | "load" | "ready";
  /** Whose load it is. */
  readonly modelId: string;
  /** Only while it is being downloaded. */
  readonly download?: DownloadProgress;
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
  /**
   * What the model's uncut vectors must have, as the column or index that takes them was made for: a model with another
   * length is refused with `DIMENSION_MISMATCH`. It cuts nothing; that is `dimensions` of a call.
   */
  readonly expectedDimensions?: number | undefined;
  /** A branch, a tag or a commit of a model on the hub. Default: the catalogue's commit, else `main`. */
  readonly revision?: string | undefined;
  /**
   * Where downloaded models are kept. Default: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else `~/.cache/huggingface/hub`,
   * which Python's huggingface_hub shares.
   */
  readonly cacheDir?: string | undefined;
  /** Only what is in the cache. Default: `HF_HUB_OFFLINE`. */
  readonly offline?: boolean | undefined;
  /** For models that are not public. Default: `HF_TOKEN`, else the token that `hf auth login` stored. */
  readonly token?: string | undefined;
  /** Gives up loading. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how far the load has come. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** Of a {@link Device}. */
export const isDevice: OptionCheck = (value) =>
  typeof value === "string" && /^(?:auto|cpu|metal|cuda(?::\d{1,3})?)$/.test(value)
    ? undefined
    : "auto, cpu, metal, cuda or cuda:<number>";

const checks = {
  device: isDevice,
  dtype: isOneOf(["auto", "float32", "int8", "float16", "bfloat16"]),
  threads: isPositiveInteger,
  batchTokens: isPositiveInteger,
  pooling: isOneOf(poolings),
  expectedDimensions: isPositiveInteger,
  revision: isFilledString,
  cacheDir: isFilledString,
  offline: isBoolean,
  token: isFilledString,
  signal: isAbortSignal,
  onProgress: isFunction,
} satisfies Record<keyof NativeOptions, OptionCheck>;

/** What the addon is told, with the devices and dtypes that there are. */
export interface NativeLoadChoice extends EngineLoadOptions {
  device?: Device;
  dtype?: Dtype;
}

/** Checks the options and gives those that the addon takes. */
export function toEngineLoadOptions(options: NativeOptions): NativeLoadChoice {
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

import {
  checkOptions,
  isAbortSignal,
  isFilledString,
  isFunction,
  isOneOf,
  isPositiveInteger,
  type OptionCheck,
} from "../backends/check-options.js";
import { poolings, type LoadProgress, type Pooling } from "../backends/native-options.js";
import type { ModuleLoadOptions } from "./protocol.js";

/** Options of `WasmBackend.load`. */
export interface WasmOptions {
  /**
   * The numbers the model computes with. Default `"auto"`: int8 where the weights are stored so, else float32. `"int8"` of
   * float weights makes them at load, which takes seconds.
   */
  readonly dtype?: "auto" | "float32" | "int8" | undefined;
  /** Tokens of a batch. */
  readonly batchTokens?: number | undefined;
  /** Only for a folder that leaves its pooling open. */
  readonly pooling?: Pooling | undefined;
  /** What the model's uncut vectors must have; another length is refused with `DIMENSION_MISMATCH`. */
  readonly expectedDimensions?: number | undefined;
  /** What to call a model that comes as files or from an address. Default: the folder's name. */
  readonly modelId?: string | undefined;
  /** A branch, a tag or a commit of a model on the hub. Default: the catalogue's commit, else `main`. */
  readonly revision?: string | undefined;
  /** The hub. Default `https://huggingface.co`. */
  readonly endpoint?: string | undefined;
  /** For models of the hub that are not public. Never in a page that others can open. */
  readonly token?: string | undefined;
  /** Gives up loading. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

const checks = {
  dtype: isOneOf(["auto", "float32", "int8"]),
  batchTokens: isPositiveInteger,
  pooling: isOneOf(poolings),
  expectedDimensions: isPositiveInteger,
  modelId: isFilledString,
  revision: isFilledString,
  endpoint: isFilledString,
  token: isFilledString,
  signal: isAbortSignal,
  onProgress: isFunction,
} satisfies Record<keyof WasmOptions, OptionCheck>;

/** Checks the options and gives those that the module takes. */
export function toModuleLoadOptions(options: WasmOptions): ModuleLoadOptions {
  checkOptions(options, checks);
  const { dtype, batchTokens, pooling } = options;
  return {
    ...(dtype !== undefined && { dtype }),
    ...(batchTokens !== undefined && { batchTokens }),
    ...(pooling !== undefined && { pooling }),
  };
}

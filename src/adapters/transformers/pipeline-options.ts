import {
  describe,
  invalid,
  isBoolean,
  isFilledString,
  type OptionCheck,
} from "../../backends/check-options.js";
import type { Device, Dtype } from "../../backends/native-options.js";
import { defaultModel, findInCatalog } from "../../catalog.js";
import type { AdapterOptions, SharedLoadOptions } from "../adapter-options.js";

/** Options of `pipeline`, by transformers.js' names where it has them. */
export interface PipelineOptions extends Pick<AdapterOptions, "backend"> {
  /** `"fp32"`, `"fp16"` (GPUs), `"q8"` or `"int8"`. Default: int8 where the weights are stored so, else float32. */
  readonly dtype?: string | undefined;
  /** `"auto"` (default), `"cpu"`, `"cuda"`, `"metal"`. */
  readonly device?: string | undefined;
  /** Branch, tag or commit of the hub. */
  readonly revision?: string | undefined;
  /** The cache of models in place of the hub's own. */
  readonly cache_dir?: string | undefined;
  /** Download nothing. */
  readonly local_files_only?: boolean | undefined;
}

/** transformers.js' names for numbers, and those of the engine. It has neither four bits nor two nor one. */
const dtypes: Readonly<Record<string, Dtype>> = {
  auto: "auto",
  fp32: "float32",
  fp16: "float16",
  q8: "int8",
  int8: "int8",
};

export const pipelineChecks = {
  backend: () => undefined,
  dtype: (value) =>
    typeof value === "string" && Object.hasOwn(dtypes, value)
      ? undefined
      : `one of ${Object.keys(dtypes).join(", ")}`,
  device: isFilledString,
  revision: isFilledString,
  cache_dir: isFilledString,
  local_files_only: isBoolean,
} satisfies Record<keyof PipelineOptions, OptionCheck>;

/** How `NativeBackend.load` is told the same. */
export function toLoadOptions(options: PipelineOptions): SharedLoadOptions {
  const { dtype, device, revision, cache_dir: cacheDir, local_files_only: offline } = options;
  return {
    ...(dtype !== undefined && { dtype: dtypes[dtype] }),
    // Checked by load, which knows the names.
    ...(device !== undefined && { device: device as Device }),
    ...(revision !== undefined && { revision }),
    ...(cacheDir !== undefined && { cacheDir }),
    ...(offline !== undefined && { offline }),
  };
}

/** Organisations that keep copies of other people's models, as ONNX only. */
const copies = /^(?:Xenova|onnx-community)\/(.+?)(?:-ONNX)?$/i;

/**
 * The model that is meant: transformers.js is used with ONNX copies, whose originals have the weights that the engine reads.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for a copy whose original is not known.
 */
export function toModel(model: string | null = defaultModel): string {
  const name = copies.exec(model ?? defaultModel)?.[1];
  if (name === undefined) return model ?? defaultModel;
  const entry = findInCatalog(name);
  if (entry !== undefined) return entry.modelId;
  throw invalid(
    `${describe(model)} is an ONNX copy of another model; name the one it was made from, which has model.safetensors`,
  );
}

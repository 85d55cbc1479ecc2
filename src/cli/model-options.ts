import { backendFromEnv } from "../backends/backend-from-env.js";
import { NativeBackend } from "../backends/native-backend.js";
import type { FallbackLogger } from "../backends/fallback/fallback-options.js";
import { isDevice, poolings, type Device, type NativeOptions } from "../backends/native-options.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import { UsageError, type Context } from "./command.js";
import { parseChoice, parseCount, parseFilled, parseThreads } from "./parse.js";
import { ProgressBar } from "./progress-bar.js";

/** Which files of a model are loaded, and from where, for `parse`. */
export const sourceOptions = {
  pooling: { type: "string", values: poolings },
  revision: { type: "string" },
  "cache-dir": { type: "string", values: "folder" },
  offline: { type: "boolean" },
} as const;

/** The options of every command that loads a model, for `parse`. */
export const modelOptions = {
  model: { type: "string", short: "m", values: "model" },
  device: { type: "string", values: ["auto", "cpu", "metal", "cuda"] },
  dtype: { type: "string", values: ["auto", "float32", "int8", "float16", "bfloat16"] },
  threads: { type: "string" },
  "expect-dimensions": { type: "string" },
  ...sourceOptions,
} as const;

export const poolingHelp = `      --pooling MODE       ${poolings.join(", ")}:
                           only for a FOLDER that does not say how it pools`;

/** The part of {@link sourceOptions} of the help pages. */
export const sourceOptionsHelp = `${poolingHelp}
      --revision REV       a branch, tag or commit of a model on the hub
      --cache-dir DIR      where downloaded models are (default: Hugging Face's cache, shared with Python)
      --offline            use only what is in the cache`;

/** Their part of the help pages. */
export const modelOptionsHelp = `  -m, --model MODEL        a name ("candle-embed models" lists them), a hub id (org/name) or a folder; what the cache
                           lacks is downloaded (default: the all-MiniLM-L6-v2 that is installed)
      --device DEVICE      auto, cpu, metal, cuda or cuda:<number>
      --dtype DTYPE        auto, float32, int8 (made at load where the weights are floats),
                           float16 or bfloat16
      --threads N          threads of the engine (default: the CPUs this process may use)
      --expect-dimensions N
                           refuse a model whose vectors have another length than N
${sourceOptionsHelp}`;

interface SourceValues {
  readonly pooling?: string | undefined;
  readonly revision?: string | undefined;
  readonly "cache-dir"?: string | undefined;
  readonly offline?: boolean | undefined;
}

/** What {@link modelOptions} parse to. */
export interface ModelValues extends SourceValues {
  readonly model?: string | undefined;
  readonly device?: string | undefined;
  readonly dtype?: string | undefined;
  readonly threads?: string | undefined;
  readonly "expect-dimensions"?: string | undefined;
  /** Of commands that make many requests. */
  readonly concurrency?: string | undefined;
}

/** {@link sourceOptions} as the library takes them. */
export function toSourceOptions(
  values: SourceValues,
): Pick<NativeOptions, "pooling" | "revision" | "cacheDir" | "offline"> {
  return {
    pooling: parseChoice("pooling", values.pooling, poolings),
    revision: parseFilled("revision", values.revision),
    cacheDir: parseFilled("cache-dir", values["cache-dir"]),
    offline: values.offline,
  };
}

/**
 * Loads the model that the command line names; a download shows on a terminal. Where `EMBEDDING_PROVIDER` is set, the
 * environment describes the backend, and the command line's options stand in for the variables of the same meaning.
 */
export async function loadModel(
  values: ModelValues,
  { signal, stderr }: Pick<Context, "signal" | "stderr">,
  logger: FallbackLogger = toLogger(stderr),
): Promise<EmbeddingBackend> {
  const bar = new ProgressBar(stderr);
  const provider = process.env["EMBEDDING_PROVIDER"];
  const maxConcurrency = parseCount("concurrency", values.concurrency);
  if (maxConcurrency !== undefined && (!provider || provider === "native")) {
    throw new UsageError("--concurrency is for an API: a model in this process uses all CPUs for one batch");
  }
  const options: NativeOptions = {
    device: parseDevice(values.device),
    dtype: parseChoice("dtype", values.dtype, modelOptions.dtype.values),
    threads: parseThreads(values.threads),
    expectedDimensions: parseCount("expect-dimensions", values["expect-dimensions"]),
    ...toSourceOptions(values),
    signal,
    onProgress: ({ modelId, download }) => {
      if (download !== undefined) bar.show(modelId, download);
    },
  };
  try {
    if (provider === "api") refuseNativeOptions(values);
    if (!provider) return await NativeBackend.load(values.model, options);
    return await backendFromEnv({
      env: {
        ...process.env,
        ...(values.model !== undefined && { EMBEDDING_MODEL: values.model }),
        ...(values.device !== undefined && { EMBEDDING_DEVICE: values.device }),
        ...(values.dtype !== undefined && { EMBEDDING_DTYPE: values.dtype }),
        ...(values["cache-dir"] !== undefined && { EMBEDDING_CACHE_DIR: values["cache-dir"] }),
      },
      native: options,
      fallback: { logger },
      maxConcurrency,
      signal,
    });
  } finally {
    bar.clear();
  }
}

function parseDevice(value: string | undefined): Device | undefined {
  const wanted = value === undefined ? undefined : isDevice(value);
  if (typeof wanted !== "string") return value as Device | undefined;
  throw new UsageError(`--device must be ${wanted}, not ${JSON.stringify(value)}`);
}

/** Those that stand in for a variable are refused with its name by `backendFromEnv`. */
function refuseNativeOptions(values: ModelValues): void {
  const name = (["threads", "pooling", "revision", "offline"] as const).find(
    (each) => values[each] !== undefined,
  );
  if (name === undefined) return;
  throw new UsageError(`--${name} is for a model in this process, and EMBEDDING_PROVIDER is api`);
}

/** What a fallback has to say belongs beside the errors, not into the result. */
function toLogger(stderr: NodeJS.WriteStream): FallbackLogger {
  const print = (message: string): void => void stderr.write(`${message}\n`);
  return { info: print, warn: print };
}

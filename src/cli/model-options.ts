import { NativeBackend } from "../backends/native-backend.js";
import { poolings, type Device } from "../backends/native-options.js";
import { parseChoice, parseCount } from "./parse.js";

/** The options of every command that loads a model, for `parse`. */
export const modelOptions = {
  model: { type: "string", short: "m" },
  device: { type: "string" },
  dtype: { type: "string" },
  threads: { type: "string" },
  pooling: { type: "string" },
} as const;

export const poolingHelp = `      --pooling MODE       ${poolings.join(", ")}:
                           only for a FOLDER that does not say how it pools`;

/** Their part of the help pages. */
export const modelOptionsHelp = `  -m, --model NAME|FOLDER  the model (default: all-MiniLM-L6-v2, see "candle-embed models")
      --device DEVICE      auto, cpu, metal, cuda or cuda:<number>
      --dtype DTYPE        auto, float32, int8, float16 or bfloat16
      --threads N          threads of the engine (default: the CPUs this process may use)
${poolingHelp}`;

interface ModelValues {
  readonly model?: string | undefined;
  readonly device?: string | undefined;
  readonly dtype?: string | undefined;
  readonly threads?: string | undefined;
  readonly pooling?: string | undefined;
}

/** Loads the model that the command line names. */
export function loadModel(values: ModelValues, signal: AbortSignal): Promise<NativeBackend> {
  return NativeBackend.load(values.model, {
    // Checked by load, which knows the names.
    device: values.device as Device | undefined,
    dtype: parseChoice("dtype", values.dtype, ["auto", "float32", "int8", "float16", "bfloat16"]),
    threads: parseCount("threads", values.threads),
    pooling: parseChoice("pooling", values.pooling, poolings),
    signal,
  });
}

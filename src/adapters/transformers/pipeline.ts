import { checkOptions, describe, invalid, isBoolean, isOneOf } from "../../backends/check-options.js";
import type { EmbeddingBackend } from "../../embedding-backend.js";
import { AdapterBackend } from "../adapter-backend.js";
import { pipelineChecks, toLoadOptions, toModel, type PipelineOptions } from "./pipeline-options.js";
import { Tensor } from "./tensor.js";

/** transformers.js' names of poolings, and those of sentence-transformers' files. */
const poolings = {
  mean: "mean",
  cls: "cls",
  first_token: "cls",
  eos: "lasttoken",
  last_token: "lasttoken",
} as const;

/** Options of a call, by transformers.js' names. */
export interface FeatureExtractionOptions {
  /** How token vectors become one. It has to be the model's own way, which its files say. */
  readonly pooling: keyof typeof poolings;
  /** `true` for vectors of length 1. Default `false`, as in transformers.js. */
  readonly normalize?: boolean | undefined;
  /** `true` packs eight dimensions into a byte. */
  readonly quantize?: boolean | undefined;
  /** Default `"binary"`: signed bytes. */
  readonly precision?: "binary" | "ubinary" | undefined;
}

/** What `pipeline` gives. */
export interface FeatureExtractionPipeline extends AsyncDisposable {
  /** The vectors of one text or several: a tensor of `[count, dimensions]`. */
  (texts: string | readonly string[], options: FeatureExtractionOptions): Promise<Tensor>;
  /** As transformers.js has it. */
  readonly task: "feature-extraction";
  /** Gives back a model that was loaded; a backend that was passed goes on. */
  dispose(): Promise<void>;
}

const callChecks = {
  pooling: isOneOf(["none", ...Object.keys(poolings)]),
  normalize: isBoolean,
  quantize: isBoolean,
  precision: isOneOf(["binary", "ubinary"]),
};

/**
 * transformers.js' `pipeline("feature-extraction", ...)` on this package's engine, for programs that come from there.
 *
 * ```ts
 * const extractor = await pipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2");
 * const output = await extractor(texts, { pooling: "mean", normalize: true });
 * ```
 *
 * The names of ONNX copies (`Xenova/...`, `onnx-community/...`) stand for their originals, where the catalogue has them.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for another task and for wrong options; else as `NativeBackend.load`.
 */
export async function pipeline(
  task: "feature-extraction",
  model?: string | null,
  options: PipelineOptions = {},
): Promise<FeatureExtractionPipeline> {
  if (task !== "feature-extraction")
    throw invalid(`the task must be "feature-extraction", not ${describe(task)}`);
  checkOptions(options, pipelineChecks);
  const { backend } = options;
  if (backend !== undefined && typeof model === "string") {
    throw invalid('a model and the option "backend" contradict each other; pass null as the model');
  }
  const source =
    backend === undefined ? { model: toModel(model), load: toLoadOptions(options) } : { backend };
  const used = new AdapterBackend(source);
  await used.get();

  const extract = async (
    texts: string | readonly string[],
    callOptions: FeatureExtractionOptions,
  ): Promise<Tensor> => {
    checkOptions(callOptions, callChecks);
    const { normalize = false, quantize = false, precision = "binary" } = callOptions ?? {};
    const loaded = await used.get();
    checkPooling(loaded, callOptions?.pooling);
    const outputType = quantize ? precision : "float32";
    // Without a prompt, which transformers.js knows nothing of.
    const { data, count } = await loaded.embed(texts, { normalize, outputType, prompt: "" });
    const type = !quantize ? "float32" : precision === "binary" ? "int8" : "uint8";
    return new Tensor(type, data, [count, count === 0 ? 0 : data.length / count]);
  };
  const dispose = (): Promise<void> => used.dispose();
  return Object.assign(extract, { task, dispose, [Symbol.asyncDispose]: dispose });
}

/** Vectors pooled in another way than the model was trained for look right and are not. */
function checkPooling({ modelId, space }: EmbeddingBackend, pooling: string | undefined): void {
  const own = Object.entries(poolings).find(([, name]) => name === space.pooling)?.[0];
  const hint = own === undefined ? `its pooling is ${describe(space.pooling)}` : `pass pooling: "${own}"`;
  if (pooling === undefined || pooling === "none") {
    throw invalid(`${modelId} gives a vector for each text, not for each token: ${hint}`);
  }
  // Of an API nobody knows.
  if (space.pooling === "unknown") return;
  if (poolings[pooling as keyof typeof poolings] !== space.pooling) {
    throw invalid(`${modelId} was not trained for pooling: "${pooling}"; ${hint}`);
  }
}

import { locateModel, type LocatedModel } from "../backends/locate-model.js";
import { toEngineLoadOptions, type NativeOptions } from "../backends/native-options.js";
import { openModel } from "../backends/open-model.js";
import { runJob } from "../backends/run-job.js";
import { CandleEmbedError } from "../errors.js";
import { unwrap } from "../engine.js";
import type { NativeEmbedder, NativeModelInfo } from "../native.js";
import { Cancellation } from "../utils/cancellation.js";
import type { Vectors } from "./compare.js";
import { builtInTexts } from "./golden-sets.js";

/** Which model it is, and how fast it may run; as `NativeBackend.load` takes them. */
export type SubjectOptions = Pick<
  NativeOptions,
  "threads" | "pooling" | "revision" | "cacheDir" | "offline" | "signal" | "onProgress"
>;

export type Arithmetic = "float32" | "int8";

/** How a model is loaded for a check. */
export interface LoadChoice {
  readonly dtype: Arithmetic;
  readonly executor?: "packed" | "candle";
  readonly threads?: number;
}

/** Unit vectors of texts, without a prompt; what was too long was cut. */
export type Embed = (texts: readonly string[]) => Promise<Vectors & { readonly tokens: Uint32Array }>;

/** Longer texts of models that read thousands of tokens would take minutes and show nothing new. */
const mostWords = 1_600;

/** A model that is verified: where it is loaded from, the texts, and the vectors that several checks look at. */
export class Subject {
  /** The model as `NativeBackend.load` takes it without a `dtype`. */
  readonly located: LocatedModel;
  readonly info: NativeModelInfo;
  /** The built-in texts, then one that fills the model's limit, or 1,600 words of it. */
  readonly texts: readonly string[];
  /** Why the exact float32 weights are not here; `undefined` where they are. */
  readonly float32Missing: string | undefined;

  readonly #float32: LocatedModel;
  readonly #options: SubjectOptions;
  readonly #vectors = new Map<Arithmetic, Promise<Vectors>>();

  private constructor(
    located: LocatedModel,
    info: NativeModelInfo,
    float32: LocatedModel | string,
    options: SubjectOptions,
  ) {
    this.located = located;
    this.info = info;
    this.texts = [...builtInTexts, words(Math.min(info.maxTokens, mostWords))];
    this.float32Missing = typeof float32 === "string" ? float32 : undefined;
    this.#float32 = typeof float32 === "string" ? located : float32;
    this.#options = options;
  }

  /** Finds the model, and loads it once to see what it is. */
  static async open(model: string, options: SubjectOptions): Promise<Subject> {
    const located = await locateModel(model, options);
    const embedder = await openModel(located, toEngineLoadOptions(options));
    const { info } = embedder;
    embedder.dispose();
    const float32 = info.dtype === "int8" ? await locateFloat32(model, located, options) : located;
    return new Subject(located, info, float32, options);
  }

  /** The arithmetics in which the model runs as it was published or quantised: float32 only with its exact weights. */
  get arithmetics(): readonly Arithmetic[] {
    return this.float32Missing === undefined ? ["float32", "int8"] : ["int8"];
  }

  /** Unit vectors of {@link texts}, computed once; `float32` of a folder that has only int8 weights widens them. */
  vectors(dtype: Arithmetic): Promise<Vectors> {
    const known = this.#vectors.get(dtype);
    if (known !== undefined) return known;
    const vectors = this.load({ dtype }, (embed) => embed(this.texts));
    this.#vectors.set(dtype, vectors);
    return vectors;
  }

  /** Loads the model anew, uses it and frees it. */
  async load<Result>(choice: LoadChoice, use: (embed: Embed) => Promise<Result>): Promise<Result> {
    const cancellation = new Cancellation(this.#options.signal);
    try {
      cancellation.throwIfCancelled();
      const located = choice.dtype === "float32" ? this.#float32 : this.located;
      const embedder = await openModel(located, { ...toEngineLoadOptions(this.#options), ...choice });
      try {
        return await use((texts) => embed(embedder, texts, cancellation));
      } finally {
        embedder.dispose();
      }
    } finally {
      cancellation.close();
    }
  }
}

async function embed(
  embedder: NativeEmbedder,
  texts: readonly string[],
  cancellation: Cancellation,
): ReturnType<Embed> {
  const job = unwrap(embedder.startJob({ prompt: "", normalize: true }));
  const { data, dimensions, tokens } = await runJob(job, texts, cancellation, undefined);
  return { data: data as Float32Array, dimensions, tokens };
}

/** The exact weights of a model whose folder holds int8 ones, or why they are not here. */
async function locateFloat32(
  model: string,
  { folder, modelId }: LocatedModel,
  options: SubjectOptions,
): Promise<LocatedModel | string> {
  try {
    const float32 = await locateModel(model, { ...options, dtype: "float32" });
    if (float32.folder !== folder) return float32;
    return `${folder} has int8 weights only; verify the float32 folder that they were made from`;
  } catch (error) {
    if (!CandleEmbedError.isInstance(error) || !["OFFLINE", "DOWNLOAD_FAILED"].includes(error.code))
      throw error;
    return `its float32 weights are not here; "candle-embed pull ${modelId}" fetches them`;
  }
}

function words(count: number): string {
  const vocabulary = "the old boat leaves at noon and comes back with salt bread paper and news".split(" ");
  return Array.from({ length: count }, (_, index) => vocabulary[index % vocabulary.length]).join(" ");
}

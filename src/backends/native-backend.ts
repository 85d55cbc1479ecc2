import { defaultModel } from "../catalog.js";
import type { EmbedOptions, OutputType, OutputVector, VectorSpace } from "../embedding-backend.js";
import { Embeddings } from "../embeddings.js";
import { CandleEmbedError } from "../errors.js";
import { unwrap, type NativeEmbedder, type NativeEmbeddings } from "../native.js";
import type { TokenizedText, TokenizeOptions } from "../tokens.js";
import { Cancellation } from "../utils/cancellation.js";
import { FifoGate } from "../utils/fifo-gate.js";
import { BaseBackend, disposed } from "./base-backend.js";
import { checkEmbedOptions, copyTexts, toNativeEmbedOptions } from "./embed-options.js";
import { locateModel, type LocatedModel } from "./locate-model.js";
import { toNativeLoadOptions, type NativeOptions } from "./native-options.js";
import { checkTokenizeOptions, detokenize, tokenize } from "./native-tokenizer.js";
import { openModel } from "./open-model.js";
import { runJob } from "./run-job.js";

/**
 * One load at a time. Not the gate of the steps: a load would wait its turn there, and hold up every model meanwhile. So
 * of the libuv pool, which file system and DNS calls share, one thread is taken by steps and at most one by a load.
 */
const loads = new FifoGate();

/**
 * A model that runs in this process.
 *
 * ```ts
 * const backend = await NativeBackend.load();
 * const { data, count, dimensions } = await backend.embed(["a text", "another"]);
 * ```
 *
 * Calls may overlap: a model answers them one after another in the order they were made, and the models of a thread take
 * turns. An idle backend keeps no process alive. A backend belongs to the thread that loaded it; other workers load
 * their own.
 */
export class NativeBackend extends BaseBackend {
  override readonly modelId: string;
  override readonly revision: string;
  override readonly dimensions: number;
  override readonly maxTokens: number;
  override readonly space: VectorSpace;
  /** Where the model runs, for example `"cpu"`. */
  readonly device: string;
  /** The numbers it computes with, for example `"int8"`. */
  readonly dtype: string;
  /** Threads of the engine. */
  readonly threads: number;

  readonly #embedder: NativeEmbedder;
  readonly #calls = new FifoGate();
  readonly #running = new Map<Cancellation, Promise<unknown>>();

  private constructor(embedder: NativeEmbedder, model: LocatedModel) {
    super();
    const { info } = embedder;
    this.#embedder = embedder;
    this.modelId = model.modelId;
    this.revision = model.revision ?? info.weightsSha256;
    this.dimensions = info.dimensions;
    this.maxTokens = info.maxTokens;
    this.device = info.device;
    this.dtype = info.dtype;
    this.threads = info.threads;
    this.space = Object.freeze({
      id: info.spaceId,
      modelId: this.modelId,
      revision: this.revision,
      dimensions: info.dimensions,
      pooling: info.pooling,
      normalized: info.normalized,
      prompts: Object.freeze({ ...info.prompts }),
    });
  }

  /**
   * Loads a model, off the event loop. A model of the hub that is not in the cache is downloaded first, while other models
   * load and work.
   *
   * @param model A catalogue name or hub id (`org/name`), a folder in the sentence-transformers layout, or its `file:`
   * URL. Default: the all-MiniLM-L6-v2 that is installed with this package.
   * @throws CandleEmbedError `MODEL_NOT_FOUND`, `MODEL_INVALID`, `UNSUPPORTED_ARCHITECTURE`, `DEVICE_UNAVAILABLE`,
   * `INVALID_INPUT` for a wrong option, `DIMENSION_MISMATCH` (see `expectedDimensions`), `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `OFFLINE`, `ABORTED`.
   */
  static async load(model: string | URL = defaultModel, options: NativeOptions = {}): Promise<NativeBackend> {
    const nativeOptions = toNativeLoadOptions(options);
    const { signal, onProgress } = options;
    const cancellation = new Cancellation(signal);
    try {
      cancellation.throwIfCancelled();
      const located = await locateModel(model, options);
      return await loads.run(cancellation, async () => {
        const { modelId } = located;
        onProgress?.({ stage: "load", modelId });
        const embedder = await openModel(located, nativeOptions);
        try {
          cancellation.throwIfCancelled();
          checkDimensions(located, embedder, options.expectedDimensions);
          onProgress?.({ stage: "ready", modelId });
          return new NativeBackend(embedder, located);
        } catch (error) {
          embedder.dispose();
          throw error;
        }
      });
    } finally {
      cancellation.close();
    }
  }

  /**
   * Embeds one text or many; row `i` of the result belongs to text `i`. The empty text has a vector like any other, and
   * no texts give no rows.
   *
   * @throws CandleEmbedError `INVALID_INPUT` (with `index` where a text is to blame), `INPUT_TOO_LONG` with `index`, `tokens` and `limit`, `ABORTED`, `DISPOSED`.
   */
  override async embed<Output extends OutputType = "float32">(
    texts: string | readonly string[],
    options: EmbedOptions<Output> = {},
  ): Promise<Embeddings<OutputVector<Output>>> {
    checkEmbedOptions(options);
    const { data, dimensions, tokens, truncated } = await this.#call(copyTexts(texts), options);
    return new Embeddings({
      data: data as OutputVector<Output>,
      dimensions,
      tokens,
      truncated: Array.from(truncated),
      backend: "native",
      ...(options.outputType !== undefined && { outputType: options.outputType }),
    });
  }

  /**
   * The tokens of each text and where they stand in it; nothing is cut off, and no prompt is added. Off the event loop and
   * beside running inference, about 2 MB of text a second.
   *
   * @throws CandleEmbedError `INVALID_INPUT` with `index` where a text is to blame, `ABORTED`, `DISPOSED`.
   */
  async tokenize(texts: string | readonly string[], options: TokenizeOptions = {}): Promise<TokenizedText[]> {
    checkTokenizeOptions(options);
    const copy = copyTexts(texts);
    return this.#track(options.signal, (cancellation) =>
      tokenize(this.#embedder, copy, options, cancellation),
    );
  }

  /**
   * The text that each list of token ids spells, without special tokens around it. The ids of a whole text give a text
   * with the same ids, hence the same vector; only characters that a SentencePiece vocabulary lacks are lost.
   *
   * @throws CandleEmbedError `INVALID_INPUT` with `index` for a list with an id that the model does not have, `DISPOSED`.
   */
  async detokenize(ids: readonly ArrayLike<number>[]): Promise<string[]> {
    return this.#track(undefined, (cancellation) => detokenize(this.#embedder, ids, cancellation));
  }

  async #call(texts: readonly string[], options: EmbedOptions): Promise<NativeEmbeddings> {
    return this.#track(options.signal, (cancellation) =>
      this.#calls.run(cancellation, () => {
        const job = unwrap(this.#embedder.startJob(toNativeEmbedOptions(options)));
        return runJob(job, texts, cancellation, options.onProgress);
      }),
    );
  }

  /** Runs a call that `signal` or the backend's disposal may end. */
  async #track<Result>(
    signal: AbortSignal | undefined,
    call: (cancellation: Cancellation) => Promise<Result>,
  ): Promise<Result> {
    this.checkNotDisposed();
    const cancellation = new Cancellation(signal);
    const running = call(cancellation);
    this.#running.set(cancellation, running);
    try {
      return await running;
    } finally {
      this.#running.delete(cancellation);
      cancellation.close();
    }
  }

  /** Calls that wait reject at once, the running one after the step it is in; then the model is freed. */
  protected override async end(): Promise<void> {
    const running = [...this.#running];
    for (const [cancellation] of running) cancellation.cancel(disposed());
    await Promise.allSettled(running.map(([, call]) => call));
    this.#embedder.dispose();
  }
}

/** A vector store made for another length would refuse the vectors one by one, or worse, take them. */
function checkDimensions(
  { modelId }: LocatedModel,
  { info }: NativeEmbedder,
  expected: number | undefined,
): void {
  if (expected === undefined || expected === info.dimensions) return;
  throw new CandleEmbedError(
    "DIMENSION_MISMATCH",
    `${modelId} gives vectors of ${String(info.dimensions)} dimensions, not the ${String(expected)} that ` +
      `expectedDimensions asks for`,
  );
}

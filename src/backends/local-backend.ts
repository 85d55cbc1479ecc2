import type {
  EmbeddingBackend,
  EmbedOptions,
  OutputType,
  OutputVector,
  VectorSpace,
} from "../embedding-backend.js";
import { Embeddings } from "../embeddings.js";
import { unwrap, type EngineEmbedder } from "../engine.js";
import type { TokenizedText, TokenizeOptions } from "../tokens.js";
import { Cancellation } from "../utils/cancellation.js";
import type { FifoGate } from "../utils/fifo-gate.js";
import { BaseBackend, disposed } from "./base-backend.js";
import { CallQueue } from "./call-queue.js";
import { checkEmbedOptions, copyTexts, toEngineEmbedOptions } from "./embed-options.js";
import { checkTokenizeOptions, detokenize, tokenize } from "./native-tokenizer.js";
import { runJob } from "./run-job.js";

/** What a backend says of itself besides what the engine says of the model. */
export interface LocalBackendInit {
  readonly modelId: string;
  /** `undefined`: the hash of the weights. */
  readonly revision: string | undefined;
  /** `Embeddings.backend` of its answers. */
  readonly name: string;
  /** Whose turns its steps take; default: those of all models that compute in this process. */
  readonly steps?: FifoGate;
}

type EmbedUntil = (
  texts: readonly string[],
  options: EmbedOptions<"float32">,
  cancellation: Cancellation,
) => Promise<Embeddings>;

/**
 * `embed` of a backend for callers within this package that have checked texts and options themselves and end a call by a
 * cancellation: an AbortSignal with its listener costs 0.08 ms after a rest, a tenth of a short text. `undefined` where the
 * backend is another, or something around one of these whose own `embed` is to be called.
 */
export let embedUntil: (backend: EmbeddingBackend) => EmbedUntil | undefined;

const marker = Symbol.for("candle-embed.local-backend");

/**
 * Whether a backend computes in this program. Not `instanceof`: a `WasmBackend` is of another package, with a copy of this class
 * of its own.
 */
export function isLocal(backend: EmbeddingBackend): boolean {
  return marker in backend;
}

/**
 * A backend whose engine is in this program. Calls may overlap: a model answers them in the order they were made, short ones
 * that wait together.
 */
export abstract class LocalBackend extends BaseBackend {
  override readonly modelId: string;
  override readonly revision: string;
  override readonly dimensions: number;
  override readonly maxTokens: number;
  override readonly space: VectorSpace;
  /** Where the model runs: `"cpu"`, `"metal"` or `"cuda:0"`. */
  readonly device: string;
  /** The numbers it computes with, for example `"int8"`. */
  readonly dtype: string;
  /** Threads of the engine. */
  readonly threads: number;

  readonly #embedder: EngineEmbedder;
  readonly #name: string;
  readonly #calls: CallQueue;
  readonly #running = new Map<Cancellation, Promise<unknown>>();

  static {
    embedUntil = (backend) => {
      if (!(#calls in backend) || backend.embed !== LocalBackend.prototype.embed) return undefined;
      return (texts, options, cancellation) => backend.#embed(texts, options, cancellation);
    };
  }

  protected constructor(embedder: EngineEmbedder, { modelId, revision, name, steps }: LocalBackendInit) {
    super();
    Object.defineProperty(this, marker, { value: true });
    const { info } = embedder;
    this.#embedder = embedder;
    this.#name = name;
    this.#calls = new CallQueue(async ({ texts, options, cancellation, onProgress }) =>
      runJob(unwrap(embedder.startJob(options)), texts, cancellation, onProgress, steps),
    );
    this.modelId = modelId;
    this.revision = revision ?? info.weightsSha256;
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
    return this.#embed(copyTexts(texts), options, new Cancellation(options.signal));
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
    return this.#track(new Cancellation(options.signal), (cancellation) =>
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
    return this.#track(new Cancellation(undefined), (cancellation) =>
      detokenize(this.#embedder, ids, cancellation),
    );
  }

  async #embed<Output extends OutputType>(
    texts: readonly string[],
    options: EmbedOptions<Output>,
    cancellation: Cancellation,
  ): Promise<Embeddings<OutputVector<Output>>> {
    const { onProgress, outputType } = options;
    const { data, dimensions, tokens, truncated } = await this.#track(cancellation, () =>
      this.#calls.submit({ texts, options: toEngineEmbedOptions(options), cancellation, onProgress }),
    );
    return new Embeddings({
      data: data as OutputVector<Output>,
      dimensions,
      tokens,
      truncated: Array.from(truncated),
      backend: this.#name,
      ...(outputType !== undefined && { outputType }),
    });
  }

  /** Runs a call that `cancellation` or the backend's disposal may end. */
  async #track<Result>(
    cancellation: Cancellation,
    call: (cancellation: Cancellation) => Promise<Result>,
  ): Promise<Result> {
    try {
      this.checkNotDisposed();
      const running = call(cancellation);
      this.#running.set(cancellation, running);
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

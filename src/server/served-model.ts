import { embedUntil, isLocal } from "../backends/local-backend.js";
import { NativeBackend } from "../backends/native-backend.js";
import { FallbackBackend } from "../backends/fallback/fallback-backend.js";
import type { LazyBackend } from "../backends/fallback/member.js";
import { CandleEmbedError } from "../errors.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import { Batcher, type BatchObserver, type EmbedCall } from "./batcher.js";
import type { EmbedWork, WorkTimes } from "./waiting-texts.js";
import { badRequest, HttpError } from "./http-error.js";
import type { Labels } from "./metrics/instruments.js";
import type { ServerSettings } from "./server-options.js";

/** Calls at a time to backends that are elsewhere. */
const remoteConcurrency = 4;

/** A model under the name that clients use. */
export class ServedModel {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly #source: EmbeddingBackend | LazyBackend;
  readonly #settings: ServerSettings;
  readonly #observer: BatchObserver;
  #backend: EmbeddingBackend | undefined;
  #batcher: Batcher | undefined;
  #readySince: Date | undefined;
  #starting: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;

  constructor(
    name: string,
    source: EmbeddingBackend | LazyBackend,
    settings: ServerSettings,
    observer: BatchObserver,
  ) {
    this.name = name;
    this.aliases = [...settings.aliases].flatMap(([alias, model]) => (model === name ? [alias] : []));
    this.#source = source;
    this.#settings = settings;
    this.#observer = observer;
  }

  /** Whether it is loaded and warm. */
  get isReady(): boolean {
    return this.#readySince !== undefined;
  }

  /** Whether it could not be loaded. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** When it became ready. */
  get readySince(): Date | undefined {
    return this.#readySince;
  }

  get queuedRequests(): number {
    return this.#batcher?.queuedRequests ?? 0;
  }

  get pendingTokens(): number {
    return this.#batcher?.pendingTokens ?? 0;
  }

  /** Whether another backend than the first answers; `undefined` where there is no other. */
  get fallingBack(): boolean | undefined {
    return this.#backend instanceof FallbackBackend ? this.#backend.fallingBack : undefined;
  }

  /** What it is, for the metrics. */
  get labels(): Labels | undefined {
    const backend = this.#backend;
    if (backend === undefined) return undefined;
    const { modelId, revision, space, dimensions } = backend;
    return {
      model: this.name,
      model_id: modelId,
      revision,
      space: space.id,
      dimensions: String(dimensions),
      ...(backend instanceof NativeBackend && { device: backend.device, dtype: backend.dtype }),
    };
  }

  /**
   * The backend.
   *
   * @throws HttpError 503 while it is being loaded, 500 where it could not be.
   */
  get backend(): EmbeddingBackend {
    if (this.#readySince === undefined) throw this.#notReady();
    return this.#backend as EmbeddingBackend;
  }

  /** Loads the model and embeds something, so that the first request finds memory and threads in place. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((cause: unknown) => {
      this.#failure = { cause };
      throw cause;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    const backend = typeof this.#source === "function" ? await this.#source() : this.#source;
    this.#backend = backend;
    await backend.embed(["warm-up", "a longer text to warm up with ".repeat(16)]);
    const { batchTokens, concurrency, maxQueue, maxWaitMs } = this.#settings;
    this.#batcher = new Batcher(
      callTo(backend),
      {
        batchTokens,
        concurrency: concurrency ?? (isLocal(backend) ? 1 : remoteConcurrency),
        maxQueue,
        maxWaitMs,
        maxTokens: backend.maxTokens,
      },
      this.#observer,
    );
    this.#readySince = new Date();
  }

  /** Embeds the texts of a request, together with those of others. */
  async embed(work: EmbedWork): Promise<WorkTimes> {
    if (this.#batcher === undefined) throw this.#notReady();
    const { dimensions } = work.options;
    if (dimensions === undefined) return this.#batcher.submit(work);
    const { cutWithoutMatryoshka } = this.#settings;
    try {
      return await this.#batcher.submit({ ...work, options: { ...work.options, cutWithoutMatryoshka } });
    } catch (error) {
      throw this.#blameDimensions(error);
    }
  }

  /** The engine's advice is for callers of the library; a client of the server has no such option. */
  #blameDimensions(error: unknown): unknown {
    if (!CandleEmbedError.isInstance(error) || error.code !== "INVALID_INPUT") return error;
    if (error.message.includes("cutWithoutMatryoshka")) {
      return badRequest(
        `the model was not trained for vectors this short (Matryoshka): leave "dimensions" out for all ` +
          `${String(this.#backend?.dimensions)}, or start the server with --cut-without-matryoshka ` +
          "(cutWithoutMatryoshka in a program), which cuts all the same",
        "dimensions",
      );
    }
    return error.message.startsWith("dimensions ") ? badRequest(error.message, "dimensions") : error;
  }

  #notReady(): HttpError {
    if (this.#failure === undefined) {
      return new HttpError(503, "the model is being loaded", { code: "model_not_ready", retryAfter: 1 });
    }
    const message = "the model could not be loaded; the server's log says why (model_failed)";
    const { cause } = this.#failure;
    return new HttpError(500, message, {
      code: "model_failed",
      headers: { "x-should-retry": "false" },
      cause,
    });
  }

  /** Frees the model, if it was loaded here; one that is still being loaded, when it is there. */
  async close(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    if (typeof this.#source === "function") await this.#backend?.dispose();
  }
}

/** How a call to a backend is made and ended. */
function callTo(backend: EmbeddingBackend): EmbedCall {
  const direct = embedUntil(backend);
  if (direct !== undefined) return direct;
  return (texts, options, cancellation) => {
    const controller = new AbortController();
    cancellation.waiter = () => {
      controller.abort();
    };
    return backend.embed(texts, { ...options, signal: controller.signal });
  };
}

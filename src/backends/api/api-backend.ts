import type { EmbedOptions, OutputType, OutputVector, VectorSpace } from "../../embedding-backend.js";
import { Embeddings } from "../../embeddings.js";
import { CandleEmbedError } from "../../errors.js";
import { Cancellation } from "../../utils/cancellation.js";
import { FifoGate } from "../../utils/fifo-gate.js";
import { BaseBackend, disposed } from "../base-backend.js";
import { describe, invalid } from "../check-options.js";
import { checkEmbedOptions, copyTexts } from "../embed-options.js";
import { ApiClient } from "./api-client.js";
import { toApiSettings, type ApiOptions, type ApiSettings } from "./api-options.js";
import { describeModel, findPrompt, type ApiModel } from "./api-space.js";
import { CallScope } from "./call-scope.js";
import { finishRows } from "./finish-rows.js";
import { keySource } from "./key-source.js";
import type { Answer } from "./parse-answer.js";
import { Redactor } from "./redact.js";
import { splitTexts, type Part } from "./split-texts.js";

/**
 * A model behind an API with OpenAI's `/embeddings`: a service, or a server of one's own.
 *
 * ```ts
 * const backend = await ApiBackend.connect({ preset: "openai", model: "text-embedding-3-small", apiKey });
 * ```
 *
 * What an answer holds is checked before it is believed: the count, each `index` once, the length, finite numbers. Texts
 * too long are the API's affair; it cuts or refuses them. `tokens` of the result has numbers only where a request had one
 * text, since APIs tell no more; elsewhere it is 0.
 */
export class ApiBackend extends BaseBackend {
  override readonly modelId: string;
  override readonly revision: string;
  override readonly dimensions: number;
  override readonly maxTokens: number;
  override readonly space: VectorSpace;

  readonly #settings: ApiSettings;
  readonly #client: ApiClient;
  readonly #askedDimensions: number | undefined;
  readonly #requests: FifoGate;
  readonly #running = new Map<CallScope, Promise<unknown>>();

  private constructor(
    settings: ApiSettings,
    client: ApiClient,
    model: ApiModel,
    dimensions: number,
    askedDimensions: number | undefined,
  ) {
    super();
    this.#settings = settings;
    this.#client = client;
    this.#askedDimensions = askedDimensions;
    this.#requests = new FifoGate(settings.maxConcurrency);
    const { modelId, revision, maxTokens, pooling, normalized, prompts, spaceId: id } = model;
    this.modelId = modelId;
    this.revision = revision;
    this.dimensions = dimensions;
    this.maxTokens = maxTokens;
    this.space = Object.freeze({ id, modelId, revision, dimensions, pooling, normalized, prompts });
  }

  /**
   * Prepares a backend. Where neither `dimensions` nor `space` tells how long the vectors are, one short text is embedded to
   * find out; else the API is not asked, and need not be there.
   *
   * @throws CandleEmbedError `INVALID_INPUT` for a wrong option; else as {@link embed}.
   */
  static async connect(options: ApiOptions): Promise<ApiBackend> {
    const settings = toApiSettings(options);
    const model = await describeModel(options, settings.url);
    const redactor = new Redactor();
    for (const value of Object.values(settings.headers)) redactor.add(value);
    const client = new ApiClient(settings, keySource(options), redactor);
    const { signal } = options;
    const dimensions = model.dimensions ?? (await learnDimensions(settings, client, signal));
    return new ApiBackend(settings, client, model, dimensions, options.dimensions);
  }

  /**
   * Embeds one text or many. Many are sent in several requests, some at a time; if one of them fails, the call does.
   *
   * `dimensions` cuts and normalises here, whatever the API can do. Quantised output, raw vectors of a normalised space, and
   * `truncate` other than the API's own way can't be had from an API.
   *
   * @throws CandleEmbedError `INVALID_INPUT`, `API_ERROR` (with `status`, `apiCode`, `requestId`, `retryable`),
   * `API_RESPONSE_INVALID`, `API_KEY_COMMAND_FAILED`, `ABORTED`, `DISPOSED`.
   */
  override async embed<Output extends OutputType = "float32">(
    texts: string | readonly string[],
    options: EmbedOptions<Output> = {},
  ): Promise<Embeddings<OutputVector<Output>>> {
    checkEmbedOptions(options);
    const kept = this.#check(options);
    const prompt = findPrompt(this.space.prompts, options);
    const inputs = copyTexts(texts).map((text) => (prompt === "" ? text : prompt + text));
    const tokens = new Uint32Array(inputs.length);
    const data = new Float32Array(inputs.length * this.dimensions);
    await this.#call(inputs, options, (answer, { start, texts: { length } }) => {
      data.set(answer.data, start * this.dimensions);
      if (length === 1) tokens[start] = answer.tokens ?? 0;
    });
    const normalize = options.normalize ?? this.space.normalized;
    const rows = finishRows(data, this.dimensions, kept, normalize);
    return new Embeddings({
      // #check has refused every other output.
      data: rows as unknown as OutputVector<Output>,
      dimensions: kept,
      tokens,
      truncated: [],
      backend: "api",
    });
  }

  /** Refuses what an API cannot do; gives the dimensions to keep. */
  #check({ dimensions = this.dimensions, normalize, truncate, outputType }: EmbedOptions): number {
    if (dimensions > this.dimensions) {
      throw invalid(
        `dimensions must be at most ${String(this.dimensions)}, which the vectors have, not ${String(dimensions)}`,
      );
    }
    if (normalize === false && this.space.normalized) {
      throw invalid('normalize: false needs a backend that is connected with "normalized: false"');
    }
    if (truncate === "start" || truncate === "error") {
      throw invalid(
        `an API cannot be told to truncate: ${describe(truncate)}; it cuts or refuses as it does`,
      );
    }
    if (outputType !== undefined && outputType !== "float32") {
      throw invalid(`an API backend gives float32 only, not ${outputType}`);
    }
    return dimensions;
  }

  async #call(
    texts: readonly string[],
    { signal, onProgress }: EmbedOptions,
    take: (answer: Answer, part: Part) => void,
  ): Promise<void> {
    this.checkNotDisposed();
    const { timeoutMs, batchSize, batchTokens } = this.#settings;
    const scope = new CallScope(signal, timeoutMs, () => timedOut(timeoutMs));
    const progress = { texts: 0, totalTexts: texts.length, tokens: 0 };
    const parts = splitTexts(texts, batchSize, batchTokens);
    const work = async (part: Part): Promise<void> => {
      const answer = await this.#request(part, scope);
      take(answer, part);
      progress.texts += part.texts.length;
      progress.tokens += answer.tokens ?? 0;
      onProgress?.({ ...progress });
    };
    const running = allOrFirstFailure(parts.map(work), scope);
    this.#running.set(scope, running);
    try {
      await running;
    } finally {
      this.#running.delete(scope);
      scope.close();
    }
  }

  async #request({ texts }: Part, scope: CallScope): Promise<Answer> {
    const cancellation = new Cancellation(scope.signal);
    try {
      return await this.#requests.run(cancellation, () =>
        this.#client.request(
          { texts, askedDimensions: this.#askedDimensions, expectedDimensions: this.dimensions },
          scope,
        ),
      );
    } finally {
      cancellation.close();
    }
  }

  protected override async end(): Promise<void> {
    const running = [...this.#running];
    for (const [scope] of running) scope.end(disposed());
    await Promise.allSettled(running.map(([, call]) => call));
  }
}

/** Waits for all parts. The first that fails ends the others, and its error is the call's. */
async function allOrFirstFailure(parts: readonly Promise<void>[], scope: CallScope): Promise<void> {
  const failed = (error: unknown): void => {
    scope.end(error);
  };
  await Promise.all(parts.map((part) => part.catch(failed)));
  scope.throwIfEnded();
}

async function learnDimensions(
  settings: ApiSettings,
  client: ApiClient,
  signal: AbortSignal | undefined,
): Promise<number> {
  const scope = new CallScope(signal, settings.timeoutMs, () => timedOut(settings.timeoutMs));
  try {
    scope.throwIfEnded();
    const wanted = { texts: ["dimensions"], askedDimensions: undefined, expectedDimensions: undefined };
    return (await client.request(wanted, scope)).dimensions;
  } finally {
    scope.close();
  }
}

function timedOut(timeoutMs: number): CandleEmbedError {
  return new CandleEmbedError(
    "API_ERROR",
    `the API did not answer all of the call within ${String(timeoutMs / 1000)} s (option "timeout")`,
    { retryable: true },
  );
}

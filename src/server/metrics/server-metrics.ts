import type { ServedModel } from "../served-model.js";
import { Counter, Gauge, Histogram, type Instrument, type Labels, type Observations } from "./instruments.js";
import { ProcessMetrics } from "./process-metrics.js";

/** text-embeddings-inference's bounds: 35 from 15 microseconds on, each 1.5 times the last. */
const seconds = Array.from({ length: 35 }, (_, exponent) =>
  Number((1.5e-5 * 1.5 ** exponent).toPrecision(6)),
);

const powersOfTwo = Array.from({ length: 15 }, (_, exponent) => 2 ** exponent);

/** Why a request failed, by the names of text-embeddings-inference where it has one. */
export type Failure = "validation" | "batch_size" | "overloaded" | "inference" | "dropped";

/** What is counted for one model. */
export interface ModelMetrics {
  readonly single: MethodMetrics;
  readonly batch: MethodMetrics;
  readonly embedCount: { count: number };
  readonly embedSuccess: { count: number };
  readonly requestDuration: Observations;
  readonly requestQueueDuration: Observations;
  readonly requestInferenceDuration: Observations;
  readonly inputLength: Observations;
  readonly batchSize: Observations;
  readonly batchTokens: Observations;
  readonly truncated: { count: number };
  readonly tokens: { count: number };
  /** Texts by the backend that answered. */
  answered(backend: string): { count: number };
}

interface MethodMetrics {
  readonly count: { count: number };
  readonly success: { count: number };
}

/**
 * The figures of `/metrics`. Names that begin with `te_` are those of text-embeddings-inference, so that its dashboards
 * work; a label `model` is added. Its durations of tokenization are not there: the engine tokenizes inside a call.
 */
export class ServerMetrics {
  readonly #requests = new Counter("te_request_count", "Requests for embeddings.");
  readonly #successes = new Counter("te_request_success", "Requests that got their embeddings.");
  readonly #failures = new Counter("te_request_failure", "Requests that did not, by reason.");
  readonly #embeds = new Counter("te_embed_count", "Texts that were to be embedded.");
  readonly #embedSuccesses = new Counter("te_embed_success", "Texts that were embedded.");
  readonly #duration = new Histogram(
    "te_request_duration",
    "Seconds from a request's arrival to its answer.",
    seconds,
  );
  readonly #queueDuration = new Histogram("te_request_queue_duration", "Seconds a request waited.", seconds);
  readonly #inferenceDuration = new Histogram(
    "te_request_inference_duration",
    "Seconds from a request's first computation to its last.",
    seconds,
  );
  readonly #inputLength = new Histogram("te_request_input_length", "Tokens of a text.", powersOfTwo);
  readonly #batchSize = new Histogram("te_batch_next_size", "Texts of a call to the backend.", powersOfTwo);
  readonly #batchTokens = new Histogram(
    "te_batch_next_tokens",
    "Tokens of a call to the backend, as estimated.",
    [...powersOfTwo, 32_768, 65_536],
  );
  readonly #truncated = new Counter("candle_embed_truncated_texts", "Texts that were too long and were cut.");
  readonly #tokens = new Counter("candle_embed_tokens", "Tokens embedded.");
  readonly #answers = new Counter("candle_embed_answered_texts", "Texts by the backend that answered.");
  readonly #http = new Counter("candle_embed_http_responses", "Answers by path and status.");
  readonly #process = new ProcessMetrics();
  readonly #instruments: readonly Instrument[];

  constructor(models: () => readonly ServedModel[]) {
    const byModel = (name: string, help: string, read: (model: ServedModel) => number | undefined): Gauge =>
      new Gauge(name, help, () =>
        models().flatMap((model) => {
          const value = read(model);
          return value === undefined ? [] : [[{ model: model.name }, value] as const];
        }),
      );
    this.#instruments = [
      this.#requests,
      this.#successes,
      this.#failures,
      this.#embeds,
      this.#embedSuccesses,
      this.#duration,
      this.#queueDuration,
      this.#inferenceDuration,
      this.#inputLength,
      this.#batchSize,
      this.#batchTokens,
      byModel("te_queue_size", "Requests that wait.", (model) => model.queuedRequests),
      byModel(
        "candle_embed_pending_tokens",
        "Tokens that wait or are computed.",
        (model) => model.pendingTokens,
      ),
      byModel("candle_embed_model_ready", "1 when the model is loaded and warm.", (model) =>
        Number(model.isReady),
      ),
      byModel("candle_embed_fallback_active", "1 while another backend answers than the first.", (model) =>
        model.fallingBack === undefined ? undefined : Number(model.fallingBack),
      ),
      new Gauge("candle_embed_model_info", "What the models are; always 1.", () =>
        models().flatMap((model) => (model.labels === undefined ? [] : [[model.labels, 1] as const])),
      ),
      this.#truncated,
      this.#tokens,
      this.#answers,
      this.#http,
      ...this.#process.instruments,
    ];
  }

  of(model: string): ModelMetrics {
    const labels: Labels = { model };
    const method = (name: string): MethodMetrics => ({
      count: this.#requests.of({ method: name, ...labels }),
      success: this.#successes.of({ method: name, ...labels }),
    });
    return {
      single: method("single"),
      batch: method("batch"),
      embedCount: this.#embeds.of(labels),
      embedSuccess: this.#embedSuccesses.of(labels),
      requestDuration: this.#duration.of(labels),
      requestQueueDuration: this.#queueDuration.of(labels),
      requestInferenceDuration: this.#inferenceDuration.of(labels),
      inputLength: this.#inputLength.of(labels),
      batchSize: this.#batchSize.of(labels),
      batchTokens: this.#batchTokens.of(labels),
      truncated: this.#truncated.of(labels),
      tokens: this.#tokens.of(labels),
      answered: (backend) => this.#answers.of({ backend, ...labels }),
    };
  }

  failed(err: Failure): void {
    this.#failures.of({ err }).count++;
  }

  /** @param path A path that the server knows, so that strangers cannot make series without end. */
  responded(path: string, status: number): void {
    this.#http.of({ path, status: String(status) }).count++;
  }

  render(): string {
    return this.#instruments.map((instrument) => instrument.render()).join("");
  }

  close(): void {
    this.#process.close();
  }
}

import { randomUUID } from "node:crypto";

import { CandleEmbedError } from "../errors.js";
import type { Cancellation } from "../utils/cancellation.js";
import type { ApiKeys } from "./api-keys.js";
import { ByteBudget } from "./byte-budget.js";
import { Cors } from "./cors.js";
import type { HostCheck } from "./hosts.js";
import { HttpError, toHttpError } from "./http-error.js";
import type { Incoming, Outgoing } from "./http.js";
import { Log } from "./log.js";
import { ServerMetrics, type ModelMetrics } from "./metrics/server-metrics.js";
import { Router } from "./router.js";
import type { RouteContext } from "./routes/route.js";
import { ServedModel } from "./served-model.js";
import type { ServerOptions, ServerSettings } from "./server-options.js";
import { startSpan } from "./tracing.js";

/** `loading` until all models are warm; `failed` where one could not be loaded; `draining` from the moment the server is told to stop. */
export type ServerState = "loading" | "ready" | "failed" | "draining";

/** What of a client's own request id is passed on: nothing that could break a log. */
const requestIdForm = /^[\w.:-]{1,128}$/;

/** The server without a port: checks a request, has a route answer it, and keeps the books. */
export class Core {
  readonly settings: ServerSettings;
  readonly version: string;
  readonly models: readonly ServedModel[];
  readonly metrics: ServerMetrics;
  readonly log: Log;
  readonly startedAt = new Date();
  readonly apiKeys: ApiKeys;
  /** For bodies. */
  readonly budget: ByteBudget;

  readonly #byName = new Map<string, ServedModel>();
  readonly #modelMetrics = new Map<ServedModel, ModelMetrics>();
  readonly #router = new Router();
  readonly #cors: Cors;
  readonly #active = new Set<Cancellation>();
  #idle: (() => void) | undefined;
  #draining = false;

  constructor(options: ServerOptions, settings: ServerSettings, apiKeys: ApiKeys, version: string) {
    this.settings = settings;
    this.version = version;
    this.apiKeys = apiKeys;
    this.budget = new ByteBudget(settings.maxPendingBytes);
    this.log = new Log(settings.log, settings.logLevel);
    this.metrics = new ServerMetrics(() => this.models);
    this.#cors = new Cors(settings.corsOrigins);
    this.models = Object.entries(options.models).map(([name, source]) => {
      const metrics = this.metrics.of(name);
      const model = new ServedModel(name, source, settings, {
        onBatch: (texts, tokens) => {
          metrics.batchSize.observe(texts);
          metrics.batchTokens.observe(tokens);
        },
        onAnswer: ({ count, truncated, backend }) => {
          metrics.answered(backend).count += count;
          metrics.truncated.count += truncated.length;
        },
      });
      this.#byName.set(name, model);
      this.#modelMetrics.set(model, metrics);
      return model;
    });
    for (const [alias, name] of settings.aliases)
      this.#byName.set(alias, this.#byName.get(name) as ServedModel);
  }

  get state(): ServerState {
    if (this.#draining) return "draining";
    if (this.models.some((model) => model.hasFailed)) return "failed";
    return this.models.every((model) => model.isReady) ? "ready" : "loading";
  }

  /** From now on `/ready` says no, and connections are closed after an answer. */
  drain(): void {
    this.#draining = true;
  }

  /** Requests that are not answered yet. */
  get activeRequests(): number {
    return this.#active.size;
  }

  /** Resolves when all requests are answered. */
  async whenIdle(): Promise<void> {
    if (this.#active.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Ends all requests under way with `error`. */
  giveUp(error: CandleEmbedError): void {
    for (const cancellation of [...this.#active]) cancellation.cancel(error);
  }

  async close(): Promise<void> {
    this.metrics.close();
    await Promise.all(this.models.map((model) => model.close()));
  }

  /**
   * The model of a name, an alias or, by default, the first.
   *
   * @throws HttpError 404
   */
  findModel(name: string | undefined): ServedModel {
    const model = name === undefined ? this.models[0] : this.#byName.get(name);
    if (model !== undefined) return model;
    const names = [...this.#byName.keys()].slice(0, 20).join(", ");
    throw new HttpError(
      404,
      `there is no model ${JSON.stringify(name?.slice(0, 100))}; there are: ${names}`,
      {
        param: "model",
        code: "model_not_found",
      },
    );
  }

  metricsOf(model: ServedModel): ModelMetrics {
    return this.#modelMetrics.get(model) as ModelMetrics;
  }

  /** Answers a request, whatever happens. `hosts` checks the `Host` header, which matters where there is a port. */
  async handle(request: Incoming, hosts: HostCheck): Promise<Outgoing> {
    const given = request.header("x-request-id");
    const requestId = given !== undefined && requestIdForm.test(given) ? given : randomUUID();
    const context: RouteContext = { requestId, startedAt: performance.now() };
    const path = this.#router.knownPath(request.path);
    const span = this.settings.tracing ? startSpan(request, path) : undefined;
    this.#active.add(request.cancellation);
    const timer = setTimeout(() => {
      request.cancellation.cancel(new CandleEmbedError("OVERLOADED", "the request took too long"));
    }, this.settings.requestTimeoutMs);
    let cors: Record<string, string> = {};
    let outgoing: Outgoing;
    let error: HttpError | undefined;
    try {
      hosts.check(request.header("host"));
      cors = this.#cors.check(request);
      outgoing = this.#cors.preflight(request) ?? (await this.#router.route(request, this, context));
    } catch (thrown) {
      error = toHttpError(thrown);
      outgoing = error.toOutgoing();
    }
    clearTimeout(timer);
    this.#active.delete(request.cancellation);
    if (this.#active.size === 0) this.#idle?.();
    const milliseconds = performance.now() - context.startedAt;
    Object.assign(outgoing.headers, cors, {
      "x-request-id": requestId,
      "openai-processing-ms": String(Math.round(milliseconds)),
      ...(this.#draining && { connection: "close" }),
    });
    this.metrics.responded(path, outgoing.status);
    span?.end(outgoing.status, context, error?.cause);
    this.#record(request, outgoing.status, context, milliseconds, error);
    return outgoing;
  }

  #record(
    request: Incoming,
    status: number,
    context: RouteContext,
    milliseconds: number,
    error: HttpError | undefined,
  ): void {
    const level = status >= 500 && !request.cancellation.isCancelled ? "error" : "debug";
    if (!this.log.takes(level)) return;
    const { requestId, model, inputs, tokens, queuedMs, computedMs } = context;
    this.log.write(level, "request", {
      request_id: requestId,
      method: request.method,
      path: this.#router.knownPath(request.path),
      status,
      duration_ms: round(milliseconds),
      ...(request.cancellation.isCancelled && { cancelled: true }),
      ...(model !== undefined && { model }),
      ...(inputs !== undefined && { inputs }),
      ...(tokens !== undefined && { tokens }),
      ...(queuedMs !== undefined && { queued_ms: round(queuedMs) }),
      ...(computedMs !== undefined && { computed_ms: round(computedMs) }),
      ...(error !== undefined && describeCause(error)),
    });
  }
}

/** A fault for the log. What an API says may quote the texts it was sent, so only its codes are written. */
function describeCause({ code, cause }: HttpError): Record<string, unknown> {
  if (!CandleEmbedError.isInstance(cause)) {
    const fault = cause instanceof Error ? { fault: cause.name, message: cause.message.slice(0, 300) } : {};
    return { ...(code !== null && { code }), ...fault };
  }
  const { status, apiCode, requestId, message } = cause;
  if (cause.code.startsWith("API_")) {
    return { code: cause.code, api_status: status, api_code: apiCode, api_request_id: requestId };
  }
  return { code: cause.code, message: message.slice(0, 300) };
}

function round(milliseconds: number): number {
  return Math.round(100 * milliseconds) / 100;
}

import type { Embeddings } from "../../embeddings.js";
import { EmbeddingsBody } from "../embeddings-body.js";
import { parseEmbeddingsRequest, parseObject, type EmbeddingsRequest } from "../embeddings-request.js";
import type { Core } from "../core.js";
import { toHttpError, type HttpError } from "../http-error.js";
import type { Incoming, Outgoing } from "../http.js";
import type { Failure, ModelMetrics } from "../metrics/server-metrics.js";
import type { ServedModel } from "../served-model.js";
import { textsOfTokens } from "../token-input.js";
import type { Route, RouteContext } from "./route.js";

/** `POST /v1/embeddings`, also as `/embeddings` for clients whose base URL lacks the version. */
export const embeddings: readonly Route[] = ["/v1/embeddings", "/embeddings"].map((path) => ({
  method: "POST",
  path,
  handle,
}));

async function handle(request: Incoming, core: Core, context: RouteContext): Promise<Outgoing> {
  try {
    const { settings } = core;
    const body = await request.read(settings.maxBodyBytes);
    const parsed = parseEmbeddingsRequest(parseObject(body), settings.maxInputs);
    const model = core.findModel(parsed.model);
    context.model = model.name;
    return await answer(request, core, model, parsed, context);
  } catch (error) {
    core.metrics.failed(failureOf(toHttpError(error), request));
    throw error;
  }
}

async function answer(
  request: Incoming,
  core: Core,
  model: ServedModel,
  { input, format, options }: EmbeddingsRequest,
  context: RouteContext,
): Promise<Outgoing> {
  const metrics = core.metricsOf(model);
  const count = "texts" in input ? input.texts.length : input.tokenIds.length;
  context.inputs = count;
  const method = count === 1 ? metrics.single : metrics.batch;
  method.count.count++;
  metrics.embedCount.count += count;
  const texts =
    "texts" in input
      ? input.texts
      : await textsOfTokens(input.tokenIds, model.backend, core.settings.tokenIds);
  const body = new EmbeddingsBody(format);
  const times = await model.embed({
    texts,
    options,
    cancellation: request.cancellation,
    onRows: (rows, from, start, rowCount) => {
      body.add(rows, from, start, rowCount);
      observeRows(metrics, rows, from, rowCount);
    },
  });
  method.success.count++;
  metrics.embedSuccess.count += count;
  metrics.requestQueueDuration.observe(times.queuedMs / 1_000);
  metrics.requestInferenceDuration.observe(times.computedMs / 1_000);
  metrics.requestDuration.observe((performance.now() - context.startedAt) / 1_000);
  context.tokens = body.tokens;
  Object.assign(context, times);
  return { status: 200, headers: { "content-type": "application/json" }, body: body.finish(model.name) };
}

function observeRows(metrics: ModelMetrics, rows: Embeddings, from: number, count: number): void {
  for (let index = from; index < from + count; index++) {
    const tokens = rows.tokens[index] as number;
    metrics.inputLength.observe(tokens);
    metrics.tokens.count += tokens;
  }
}

function failureOf({ status }: HttpError, { cancellation }: Incoming): Failure {
  if (status === 429 || status === 503) return "overloaded";
  if (cancellation.isCancelled) return "dropped";
  if (status === 413) return "batch_size";
  return status < 500 ? "validation" : "inference";
}

import type * as Api from "@opentelemetry/api";

import type { Incoming } from "./http.js";
import type { RouteContext } from "./routes/route.js";

/** The span of one request. */
export interface RequestSpan {
  end(status: number, context: RouteContext, fault: unknown): void;
}

/** `null`: it is not installed. */
let loaded: typeof Api | null | undefined;

/**
 * Starts a span for a request, as a child of the caller's (`traceparent`), where the optional `@opentelemetry/api` is
 * installed and an SDK listens. `route` is the path as the server knows it. Names of attributes are those of OpenTelemetry's conventions for HTTP servers and embeddings.
 */
export function startSpan(request: Incoming, route: string): RequestSpan | undefined {
  if (loaded === undefined) loaded = load();
  if (loaded === null) return undefined;
  const { context, propagation, trace, SpanKind, SpanStatusCode } = loaded;
  const parent = propagation.extract(context.active(), request, {
    keys: () => [],
    get: (carrier, name) => carrier.header(name.toLowerCase()),
  });
  const { method } = request;
  const span = trace
    .getTracer("candle-embed")
    .startSpan(
      `${method} ${route}`,
      { kind: SpanKind.SERVER, attributes: { "http.request.method": method, "http.route": route } },
      parent,
    );
  if (!span.isRecording()) return undefined;
  return {
    end(status, { model, inputs, tokens, queuedMs, requestId }, fault) {
      span.setAttribute("http.response.status_code", status);
      span.setAttribute("candle_embed.request_id", requestId);
      if (model !== undefined) {
        span.setAttribute("gen_ai.operation.name", "embeddings");
        span.setAttribute("gen_ai.request.model", model);
      }
      if (tokens !== undefined) span.setAttribute("gen_ai.usage.input_tokens", tokens);
      if (inputs !== undefined) span.setAttribute("candle_embed.inputs", inputs);
      if (queuedMs !== undefined) span.setAttribute("candle_embed.queued_ms", queuedMs);
      if (status >= 500) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        span.setAttribute(
          "error.type",
          fault instanceof Error && "code" in fault ? String(fault.code) : String(status),
        );
      }
      span.end();
    },
  };
}

function load(): typeof Api | null {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- optional
    return require("@opentelemetry/api") as typeof Api;
  } catch {
    return null;
  }
}

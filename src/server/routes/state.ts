import { json } from "../http.js";
import { HttpError } from "../http-error.js";
import { describeModels } from "./models.js";
import type { Route } from "./route.js";

const always = (): boolean => true;

/** The routes for whoever runs the server. */
export const state: readonly Route[] = [
  /** The process lives: 200 also while it loads and while it drains, so that nobody kills it for that. */
  { method: "GET", path: "/health", isOpen: always, handle: () => json({ status: "ok" }) },
  {
    method: "GET",
    path: "/ready",
    isOpen: always,
    handle: (_request, core) => {
      const { state: status } = core;
      return json({ status }, status === "ready" ? 200 : 503);
    },
  },
  {
    method: "GET",
    path: "/metrics",
    isOpen: ({ settings }) => settings.metrics === "public",
    handle: (_request, core) => {
      if (core.settings.metrics === "off") throw new HttpError(404, "metrics are switched off");
      return {
        status: 200,
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        body: core.metrics.render(),
      };
    },
  },
  {
    method: "GET",
    path: "/info",
    handle: (_request, core) => {
      const { version, state: status, startedAt, settings } = core;
      const { maxInputs, maxBodyBytes, maxQueue, batchTokens, tokenIds } = settings;
      return json({
        version,
        status,
        started_at: startedAt.toISOString(),
        models: describeModels(core),
        limits: {
          max_inputs: maxInputs,
          max_body_bytes: maxBodyBytes,
          max_queue: maxQueue,
          batch_tokens: batchTokens,
          token_ids: tokenIds,
        },
      });
    },
  },
];

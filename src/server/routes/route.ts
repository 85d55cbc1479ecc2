import type { Incoming, Outgoing } from "../http.js";
import type { Core } from "../core.js";

/** One path of the server. */
export interface Route {
  readonly method: "GET" | "POST";
  /** The whole path; one that ends in `/*` stands for all below it. */
  readonly path: string;
  /** Whether it is answered without a key. */
  readonly isOpen?: (core: Core) => boolean;
  handle(request: Incoming, core: Core, context: RouteContext): Outgoing | Promise<Outgoing>;
}

/** What a route tells of a request, for the log and the trace. */
export interface RouteContext {
  readonly requestId: string;
  /** When the request came, by `performance.now()`. */
  readonly startedAt: number;
  model?: string;
  inputs?: number;
  tokens?: number;
  queuedMs?: number;
  computedMs?: number;
}

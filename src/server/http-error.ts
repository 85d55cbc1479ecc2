import { isCallersFault } from "../backends/fallback/blame.js";
import { CandleEmbedError } from "../errors.js";
import { json, type Outgoing } from "./http.js";

interface HttpErrorDetails {
  /** OpenAI's name for the case. */
  readonly code?: string;
  /** The field of the request that is to blame. */
  readonly param?: string;
  /** Seconds after which the same request may succeed. */
  readonly retryAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** OpenAI's `type` of an error by its status. */
const types: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  500: "server_error",
  503: "server_error",
};

/** An error that a client sees, in the form of OpenAI's. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, details: HttpErrorDetails = {}) {
    super(message, { cause: details.cause });
    const { code = null, param = null, retryAfter, headers = {} } = details;
    this.status = status;
    this.code = code;
    this.param = param;
    this.headers = {
      ...headers,
      ...(retryAfter !== undefined && {
        "retry-after": String(Math.ceil(retryAfter)),
        "retry-after-ms": String(Math.ceil(1_000 * retryAfter)),
      }),
    };
  }

  toOutgoing(): Outgoing {
    const { message, param, code } = this;
    const type = types[this.status] ?? "invalid_request_error";
    return json({ error: { message, type, param, code } }, this.status, { ...this.headers });
  }
}

/** A request that is wrong, and wrong again when it is repeated. Never 422: some clients repeat that. */
export function badRequest(message: string, param?: string, code?: string): HttpError {
  return new HttpError(400, message, {
    ...(param !== undefined && { param }),
    ...(code !== undefined && { code }),
  });
}

/** Whatever was thrown as what the client is told. Only errors of the caller's own making are told in full. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (!CandleEmbedError.isInstance(error)) return failed(error);
  const { code, message, cause } = error;
  if (code === "API_ERROR" || code === "API_RESPONSE_INVALID") return apiFailed(error);
  // Nobody reads it; the number stands in the log and the metrics, as nginx writes it.
  if (code === "ABORTED") return new HttpError(499, message);
  if (code === "DISPOSED") return new HttpError(503, "the server is shutting down", { retryAfter: 1, cause });
  if (code === "OVERLOADED") {
    return new HttpError(503, message, { code: "overloaded", retryAfter: 1, cause });
  }
  if (code === "INPUT_TOO_LONG") {
    return new HttpError(400, message, { param: "input", code: "context_length_exceeded", cause });
  }
  return isCallersFault(error, true) ? badRequest(message) : failed(error);
}

/** An API behind this server that fails for a while is 503, and worth another attempt; one that is set up wrongly is not. */
function apiFailed(error: CandleEmbedError): HttpError {
  if (isCallersFault(error, true)) return badRequest("the API behind this model refused the request");
  if (error.retryable !== true) return failed(error);
  const message = "the API behind this model does not answer";
  if (error.status !== 429) return new HttpError(503, message, { retryAfter: 1, cause: error });
  return new HttpError(429, message, { code: "rate_limit_exceeded", retryAfter: 1, cause: error });
}

/** A fault on this side: what it was is for the log. */
function failed(cause: unknown): HttpError {
  const message = "the server failed; its log says why, under this answer's x-request-id";
  return new HttpError(500, message, { headers: { "x-should-retry": "false" }, cause });
}

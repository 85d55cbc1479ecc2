import { CandleEmbedError } from "../../errors.js";
import type { Redactor } from "./redact.js";

/** What is read of an error's body. */
export const mostErrorBytes = 64 * 1024;

/** Whether to send a request again after this status: as the official client decides it. */
export function mayRetry(response: Response): boolean {
  const told = response.headers.get("x-should-retry");
  if (told === "true") return true;
  if (told === "false") return false;
  return [408, 409, 429].includes(response.status) || response.status >= 500;
}

/** The error of an answer that is no success. */
export function apiFailure(
  where: string,
  response: Response,
  body: string,
  redactor: Redactor,
): CandleEmbedError {
  const { status } = response;
  const said = parseError(body);
  // What an API says about a wrong key may show parts of it.
  const message = status === 401 || status === 403 ? hints[status] : (hints[status] ?? said.message);
  const apiCode = said.code === undefined ? undefined : redactor.clean(said.code);
  return new CandleEmbedError(
    "API_ERROR",
    `${where} answered ${String(status)}${message === undefined ? "" : `: ${redactor.clean(message)}`}`,
    { status, apiCode, requestId: requestId(response, redactor), retryable: mayRetry(response) },
  );
}

const hints: Readonly<Record<number, string>> = {
  301: "it redirects, and a key is sent nowhere else; correct baseUrl",
  302: "it redirects, and a key is sent nowhere else; correct baseUrl",
  303: "it redirects, and a key is sent nowhere else; correct baseUrl",
  307: "it redirects, and a key is sent nowhere else; correct baseUrl",
  308: "it redirects, and a key is sent nowhere else; correct baseUrl",
  401: "it does not take the key",
  403: "the key may not use this",
};

export function requestId(response: Response, redactor: Redactor): string | undefined {
  const id = response.headers.get("x-request-id");
  return id === null ? undefined : redactor.clean(id);
}

/** OpenAI's `{error: {message, code}}`, TEI's flat `{message, code}`, FastAPI's `{detail}`, or the text itself. */
function parseError(body: string): { message?: string; code?: string } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return /^\s*</.test(body) || body.trim() === "" ? {} : { message: body };
  }
  const outer = Object(value) as { error?: unknown; detail?: unknown };
  const inner = typeof outer.error === "object" && outer.error !== null ? outer.error : outer;
  const { message, code, type } = inner as { message?: unknown; code?: unknown; type?: unknown };
  const text = [message, outer.error, outer.detail].find((each) => each !== undefined && each !== null);
  const name = [code, type].find((each) => typeof each === "string");
  return {
    ...(text !== undefined && { message: typeof text === "string" ? text : JSON.stringify(text) }),
    ...(name !== undefined && { code: name }),
  };
}

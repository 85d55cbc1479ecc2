import http from "node:http";
import https from "node:https";

import { CandleEmbedError } from "../errors.js";
import { messageOf } from "../utils/message-of.js";
import { parseRetryAfter } from "../utils/retry-after.js";
import { RefusedRequest, TransientFailure } from "./failures.js";
import { proxyAuthorization, proxyFor, TunnelAgent } from "./proxy.js";

/** The hub redirects once or twice: to a new name of the model, and to the host that has the file. */
const mostRedirects = 5;

export interface GetOptions {
  readonly signal: AbortSignal;
  /** Until the headers are there, and between two pieces of the body. */
  readonly timeoutMs: number;
  /** The first byte wanted. */
  readonly from?: number;
}

/** An answer with status 2xx, or 416 where a range was asked for. */
export interface HubResponse {
  readonly url: URL;
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** The pieces of the body; fails with {@link TransientFailure} where the connection breaks or stands still. */
  body(): AsyncGenerator<Buffer, void, undefined>;
  /** Gives up the connection. */
  discard(): void;
}

/** Talks HTTP to one hub and to the hosts that it redirects to. */
export class HubClient {
  readonly #endpoint: URL;
  readonly #token: string | undefined;
  readonly #agents = new Map<string, http.Agent>();

  constructor(endpoint: string, token: string | undefined) {
    this.#endpoint = new URL(endpoint);
    this.#token = token;
  }

  /** Ends the connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  /** @throws TransientFailure, RefusedRequest; CandleEmbedError `DOWNLOAD_FAILED` for a redirect that is not followed. */
  async get(start: URL, options: GetOptions): Promise<HubResponse> {
    let url = start;
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const response = await this.#request(url, options);
      const status = response.statusCode ?? 0;
      if ([301, 302, 303, 307, 308].includes(status)) {
        response.destroy();
        url = redirectTarget(url, response.headers.location);
      } else if ((status >= 200 && status < 300) || (status === 416 && options.from !== undefined)) {
        return toHubResponse(response, url, status, options);
      } else {
        response.destroy();
        throw failure(response, url, status, url.origin === this.#endpoint.origin);
      }
    }
    throw new CandleEmbedError(
      "DOWNLOAD_FAILED",
      `${start.host} redirects without end for ${start.pathname}`,
    );
  }

  #request(url: URL, { signal, timeoutMs, from }: GetOptions): Promise<http.IncomingMessage> {
    const proxy = proxyFor(url);
    const headers = {
      "User-Agent": `candle-embed; node/${process.versions.node}`,
      // Compressed, a body has another length than the file.
      "Accept-Encoding": "identity",
      // The token is for this hub alone, not for hosts that it redirects to.
      ...(this.#token !== undefined &&
        url.origin === this.#endpoint.origin && { Authorization: `Bearer ${this.#token}` }),
      ...(from !== undefined && { Range: `bytes=${String(from)}-` }),
    };
    return new Promise((resolve, reject) => {
      const request = this.#start(url, proxy, headers, { signal, timeout: timeoutMs });
      const timer = setTimeout(() => {
        request.destroy(new Error(`no answer within ${String(timeoutMs / 1000)} s`));
      }, timeoutMs);
      request.once("response", (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      request.once("error", (error) => {
        clearTimeout(timer);
        reject(
          signal.aborted
            ? error
            : new TransientFailure(`${url.host}: ${reason(error)}${hint(error, proxy)}`, { cause: error }),
        );
      });
      request.end();
    });
  }

  #start(
    url: URL,
    proxy: URL | undefined,
    headers: Record<string, string>,
    options: https.RequestOptions,
  ): http.ClientRequest {
    if (url.protocol === "https:" || proxy === undefined) {
      const { request } = url.protocol === "https:" ? https : http;
      return request(url, { ...options, headers, agent: this.#agent(url, proxy) });
    }
    // A proxy forwards plain HTTP itself, asked for by the whole address.
    const secure = proxy.protocol === "https:";
    return (secure ? https : http).request({
      ...options,
      headers: { ...headers, Host: url.host, ...proxyAuthorization(proxy) },
      host: proxy.hostname,
      port: proxy.port || (secure ? 443 : 80),
      path: url.href,
      agent: this.#agent(proxy, undefined),
    });
  }

  #agent(url: URL, proxy: URL | undefined): http.Agent {
    const key = `${url.protocol} ${proxy?.href ?? ""}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const agent =
      url.protocol === "http:"
        ? new http.Agent({ keepAlive: true })
        : proxy === undefined
          ? new https.Agent({ keepAlive: true })
          : new TunnelAgent(proxy, { keepAlive: true });
    this.#agents.set(key, agent);
    return agent;
  }
}

function redirectTarget(from: URL, location: string | undefined): URL {
  const refused = (why: string): CandleEmbedError =>
    new CandleEmbedError("DOWNLOAD_FAILED", `${from.host} redirects ${why} for ${from.pathname}`);
  if (location === undefined || !URL.canParse(location, from.href)) throw refused("to nowhere");
  const target = new URL(location, from);
  if (target.protocol !== "https:" && target.protocol !== "http:")
    throw refused(`to a ${target.protocol} address`);
  if (from.protocol === "https:" && target.protocol === "http:") throw refused("to an address without TLS");
  return target;
}

/** What a host of files refuses is tried again: its addresses are signed for a time, and the hub gives a new one. */
function failure(response: http.IncomingMessage, url: URL, status: number, isHub: boolean): Error {
  if (!isHub || status === 408 || status === 429 || status >= 500) {
    return new TransientFailure(`${url.host} answered ${String(status)} for ${url.pathname}`, {
      retryAfterMs: parseRetryAfter(response.headers["retry-after"]),
    });
  }
  const errorCode = response.headers["x-error-code"];
  return new RefusedRequest(url, status, typeof errorCode === "string" ? errorCode : "");
}

function toHubResponse(
  response: http.IncomingMessage,
  url: URL,
  status: number,
  { signal, timeoutMs }: GetOptions,
): HubResponse {
  async function* body(): AsyncGenerator<Buffer, void, undefined> {
    const stalled = (): void => {
      response.destroy(new Error(`no data within ${String(timeoutMs / 1000)} s`));
    };
    let timer = setTimeout(stalled, timeoutMs);
    try {
      for await (const chunk of response) {
        clearTimeout(timer);
        yield chunk as Buffer;
        timer = setTimeout(stalled, timeoutMs);
      }
    } catch (error) {
      throw signal.aborted ? error : new TransientFailure(`${url.host}: ${reason(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
  return { url, status, headers: response.headers, body, discard: () => void response.destroy() };
}

/** Several addresses were tried, each with an error of its own; the first says enough. */
function reason(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  return messageOf(first);
}

/** The codes of a connection that never was: the name is not known, or nobody answers there. */
const unreachable = new Set(["EAI_AGAIN", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND"]);

function hint(error: Error, proxy: URL | undefined): string {
  const isOfNetwork = unreachable.has((error as NodeJS.ErrnoException).code ?? "");
  if (!isOfNetwork) return "";
  return proxy === undefined
    ? " (behind a proxy: set HTTPS_PROXY; without a network: pass a model folder)"
    : ` (through the proxy ${proxy.origin}, which the environment names: correct or unset HTTPS_PROXY)`;
}

import { CandleEmbedError } from "../../errors.js";
import { parseRetryAfter } from "../../utils/retry-after.js";
import { apiFailure, mayRetry, mostErrorBytes, requestId } from "./api-failure.js";
import type { ApiSettings } from "./api-options.js";
import type { CallScope } from "./call-scope.js";
import type { KeySource } from "./key-source.js";
import { mostDimensions, parseAnswer, WrongAnswer, type Answer } from "./parse-answer.js";
import { readBody } from "./read-body.js";
import type { Redactor } from "./redact.js";

/** The official client's pauses: half a second, doubled up to eight, up to a quarter less; at most a minute if asked. */
const firstPauseMs = 500;
const longestPauseMs = 8_000;
const longestAskedPauseMs = 60_000;

/** What an answer may have: a number in JSON takes up to 25 characters, and every vector its frame. */
const bytesOfNumber = 32;
const bytesOfFrame = 1_024;

/** What a request asks for. */
export interface Wanted {
  readonly texts: readonly string[];
  /** The field `dimensions`. */
  readonly askedDimensions: number | undefined;
  /** What the vectors must have, where that is known. */
  readonly expectedDimensions: number | undefined;
}

/** Sends requests for vectors, again where that may help, until their call is over. */
export class ApiClient {
  readonly #settings: ApiSettings;
  readonly #keys: KeySource;
  readonly #redactor: Redactor;
  /** Host and path: a query may hold a key. */
  readonly #where: string;
  #encoding: "base64" | "float";

  constructor(settings: ApiSettings, keys: KeySource, redactor: Redactor) {
    this.#settings = settings;
    this.#keys = keys;
    this.#redactor = redactor;
    this.#encoding = settings.encoding;
    this.#where = `${settings.url.host}${settings.url.pathname}`;
  }

  /** @throws CandleEmbedError `API_ERROR`, `API_RESPONSE_INVALID`, `API_KEY_COMMAND_FAILED`, or what ended the call. */
  async request(wanted: Wanted, scope: CallScope): Promise<Answer> {
    let key = await scope.run(() => this.#keys.get());
    let renewed = false;
    for (let retries = 0; ;) {
      this.#redactor.add(key);
      const encoding = this.#encoding;
      const outcome = await this.#attempt(wanted, key, encoding, scope);
      if ("data" in outcome) return outcome;
      const { error, pauseMs, refusesEncoding } = outcome;
      if (error.status === 401 && !renewed) {
        renewed = true;
        const refused = key;
        key = await scope.run(() => this.#keys.renew(refused));
        if (key !== undefined) continue;
      }
      if (refusesEncoding && encoding === "base64") {
        this.#encoding = "float";
        continue;
      }
      if (error.retryable !== true || retries >= this.#settings.maxRetries) throw error;
      const wait = pauseMs ?? backOff(retries);
      // A pause beyond the deadline would end in a message that says less.
      if (wait >= scope.remainingMs) throw error;
      await scope.sleep(wait);
      retries++;
      key = await scope.run(() => this.#keys.get());
    }
  }

  async #attempt(
    wanted: Wanted,
    key: string | undefined,
    encoding: "base64" | "float",
    scope: CallScope,
  ): Promise<Answer | Failed> {
    try {
      const response = await scope.run(() => this.#send(wanted, key, encoding, scope.signal));
      if (response.status < 200 || response.status > 299) return await this.#failed(response, scope);
      return await scope.run(() => this.#read(response, wanted));
    } catch (error) {
      scope.throwIfEnded();
      if (CandleEmbedError.isInstance(error)) throw error;
      // The error itself is not handed on: others wrote it, and it may show what was sent.
      const message = `${this.#where} could not be reached: ${this.#redactor.clean(reason(error))}`;
      return { error: new CandleEmbedError("API_ERROR", message, { retryable: true }) };
    }
  }

  #send(
    { texts, askedDimensions }: Wanted,
    key: string | undefined,
    encoding: "base64" | "float",
    signal: AbortSignal,
  ): Promise<Response> {
    const { fetch, url, model } = this.#settings;
    const headers = new Headers({
      "Content-Type": "application/json",
      Accept: "application/json",
      "User-Agent": `candle-embed; node/${process.versions.node}`,
      ...(key !== undefined && { Authorization: `Bearer ${key}` }),
    });
    // Set, not added: the caller's take the place of these, however they are spelled.
    for (const [name, value] of Object.entries(this.#settings.headers)) headers.set(name, value);
    return fetch(url, {
      method: "POST",
      headers,
      body: JSON.stringify({
        model,
        input: texts,
        encoding_format: encoding,
        ...(askedDimensions !== undefined && { dimensions: askedDimensions }),
      }),
      redirect: "manual",
      signal,
    });
  }

  async #read(response: Response, { texts, expectedDimensions }: Wanted): Promise<Answer> {
    const dimensions = Math.min(expectedDimensions ?? mostDimensions, mostDimensions);
    const mostBytes = mostErrorBytes + texts.length * (dimensions * bytesOfNumber + bytesOfFrame);
    const body = await readBody(response, mostBytes);
    try {
      if (body === undefined) throw new WrongAnswer(`it has more than ${String(mostBytes)} bytes`);
      return parseAnswer(body, texts.length, expectedDimensions);
    } catch (error) {
      if (!(error instanceof WrongAnswer)) throw error;
      throw new CandleEmbedError(
        "API_RESPONSE_INVALID",
        `the answer of ${this.#where} cannot be used: ${error.message}`,
        { requestId: requestId(response, this.#redactor), retryable: false },
      );
    }
  }

  async #failed(response: Response, scope: CallScope): Promise<Failed> {
    const body = (await scope.run(() => readBody(response, mostErrorBytes).catch(() => ""))) ?? "";
    const { status } = response;
    return {
      error: apiFailure(this.#where, response, body, this.#redactor),
      pauseMs: mayRetry(response) ? askedPause(response.headers) : undefined,
      refusesEncoding: (status === 400 || status === 422) && /encoding_format|base64/i.test(body),
    };
  }
}

/** A request that got no vectors. */
interface Failed {
  readonly error: CandleEmbedError;
  /** The pause that the API asks for. */
  readonly pauseMs?: number | undefined;
  /** It does not know base64. */
  readonly refusesEncoding?: boolean;
}

function askedPause(headers: Headers): number | undefined {
  const milliseconds = headers.get("retry-after-ms");
  const pause =
    milliseconds !== null && /^\d+(?:\.\d+)?$/.test(milliseconds)
      ? Number(milliseconds)
      : parseRetryAfter(headers.get("retry-after") ?? undefined);
  return pause !== undefined && pause <= longestAskedPauseMs ? pause : undefined;
}

function backOff(retries: number): number {
  return Math.min(firstPauseMs * 2 ** retries, longestPauseMs) * (1 - Math.random() / 4);
}

/** `fetch` fails with "fetch failed"; what happened is its cause, or the first of several addresses' causes. */
function reason(error: unknown): string {
  let inner = error;
  while (inner instanceof Error) {
    const next: unknown = inner instanceof AggregateError ? inner.errors[0] : inner.cause;
    if (!(next instanceof Error)) return inner.message || String((inner as NodeJS.ErrnoException).code);
    inner = next;
  }
  return String(inner);
}

import type { VectorSpace } from "../../embedding-backend.js";
import {
  checkOptions,
  describe,
  invalid,
  isBoolean,
  isFilledString,
  isFunction,
  isAbortSignal,
  isOneOf,
  isPositiveInteger,
  isString,
  type OptionCheck,
  unchecked,
} from "../check-options.js";
import { findPreset, presetNames, type ApiPreset } from "./presets.js";

/** Options of `ApiBackend.connect`. */
export interface ApiOptions {
  /** A known service or server: its address and limits. */
  readonly preset?: ApiPreset | undefined;
  /** Where `/embeddings` is, for example `"https://api.openai.com/v1"`. Needed without `preset`. */
  readonly baseUrl?: string | undefined;
  /** The model as the API calls it. */
  readonly model: string;
  /** The key, or a function that gives it, called before each request. Sent as `Authorization: Bearer`. */
  readonly apiKey?: string | (() => string | Promise<string>) | undefined;
  /**
   * A program that prints the key, with its arguments; run without a shell, once for as long as the API takes the key.
   * For example `["op", "read", "op://vault/item/credential"]`.
   */
  readonly apiKeyCommand?: readonly string[] | undefined;
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Asks the API for vectors of this length (the field `dimensions`), and expects them. */
  readonly dimensions?: number | undefined;
  /**
   * What the vectors can be compared with: a name of the catalogue, or the `space` of another backend, whose prompts are
   * then put before the texts here. Tells the expected length too. A promise of yours: behind a fallback it is checked.
   */
  readonly space?: string | VectorSpace | undefined;
  /** Prompts by name; `query` and `document` are those of `inputType`. Default: those of `space`. */
  readonly prompts?: Readonly<Record<string, string>> | undefined;
  /** Whether vectors are given length 1. Default: as `space` says, else `true`. */
  readonly normalized?: boolean | undefined;
  /** Tokens of a text the model reads, for `maxTokens`. Default: the catalogue's, else `Infinity`. */
  readonly maxTokens?: number | undefined;
  /** Default: the global `fetch`. A proxy, for example, can be put in here. */
  readonly fetch?: typeof fetch | undefined;
  /** Milliseconds a call may take in all: its requests, retries and pauses. Default 60,000. */
  readonly timeout?: number | undefined;
  /** How often a request is sent again after a failure that may pass. Default 2. */
  readonly maxRetries?: number | undefined;
  /** Requests under way at a time, over all calls. Default 4. */
  readonly maxConcurrency?: number | undefined;
  /** Texts in a request. Default: the preset's, else 128. */
  readonly batchSize?: number | undefined;
  /** Tokens in a request, estimated at one for three bytes. Default: the preset's, else no limit. */
  readonly batchTokens?: number | undefined;
  /** Gives up `connect`. */
  readonly signal?: AbortSignal | undefined;
}

/** The options with their defaults, checked. */
export interface ApiSettings {
  /** With the path `/embeddings`. */
  readonly url: URL;
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly encoding: "base64" | "float";
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly maxConcurrency: number;
  readonly batchSize: number;
  readonly batchTokens: number;
}

const isCount: OptionCheck = (value) => (value === 0 ? undefined : isPositiveInteger(value));

/** Text that a header can carry; a value is never shown, as it may be a key. */
const isHeaderText = (value: unknown): boolean =>
  typeof value === "string" && value !== "" && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);

const isStringRecord: OptionCheck = (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((each) => typeof each === "string")
    ? undefined
    : "an object of strings";

const isCommand: OptionCheck = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((each) => isString(each) === undefined)
    ? isFilledString(value[0])
    : "an array of a program and its arguments";

/** Checked apart: what is wrong with a secret is told without showing it. */
const secrets = { apiKeyCommand: isCommand, headers: isStringRecord };
const checks = {
  preset: isOneOf(presetNames),
  baseUrl: isFilledString,
  model: isFilledString,
  apiKey: unchecked,
  apiKeyCommand: unchecked,
  headers: unchecked,
  dimensions: isPositiveInteger,
  space: (value) => (typeof value === "object" && value !== null ? undefined : isFilledString(value)),
  prompts: isStringRecord,
  normalized: isBoolean,
  maxTokens: isPositiveInteger,
  fetch: isFunction,
  timeout: isPositiveInteger,
  maxRetries: isCount,
  maxConcurrency: isPositiveInteger,
  batchSize: isPositiveInteger,
  batchTokens: isPositiveInteger,
  signal: isAbortSignal,
} satisfies Record<keyof ApiOptions, OptionCheck>;

/** @throws CandleEmbedError `INVALID_INPUT`, which never shows a key, a header or what follows a host. */
export function toApiSettings(options: ApiOptions): ApiSettings {
  checkOptions(options ?? {}, checks);
  for (const [name, check] of Object.entries(secrets)) {
    const value: unknown = options?.[name as keyof typeof secrets];
    const expected = value === undefined ? undefined : check(value);
    if (expected !== undefined) throw invalid(`option "${name}" must be ${expected}`);
  }
  const { preset: presetName, apiKey, apiKeyCommand } = options ?? {};
  if (options?.model === undefined) throw invalid('option "model" is missing: what the API calls the model');
  const preset = findPreset(presetName);
  const baseUrl = options.baseUrl ?? preset?.baseUrl;
  if (baseUrl === undefined) {
    throw invalid(`pass "baseUrl", or "preset": one of ${presetNames.join(", ")}`);
  }
  if (apiKey !== undefined && apiKeyCommand !== undefined) {
    throw invalid('pass "apiKey" or "apiKeyCommand", not both');
  }
  if (apiKey !== undefined && typeof apiKey !== "function" && !isKey(apiKey)) {
    throw invalid(`option "apiKey" must be a function, or ${keyForm}`);
  }
  if (preset?.needsKey === true && apiKey === undefined && apiKeyCommand === undefined && !options.headers) {
    throw invalid(`${String(presetName)} needs a key: pass "apiKey" or "apiKeyCommand"`);
  }
  return {
    url: embeddingsUrl(baseUrl),
    model: options.model,
    headers: checkHeaders(options.headers ?? {}),
    encoding: preset?.encoding ?? "base64",
    // Called without a receiver; looked up at each call, so that what replaces the global later is used.
    fetch: options.fetch ?? ((...args) => fetch(...args)),
    timeoutMs: options.timeout ?? 60_000,
    maxRetries: options.maxRetries ?? 2,
    maxConcurrency: options.maxConcurrency ?? 4,
    batchSize: options.batchSize ?? preset?.batchSize ?? 128,
    batchTokens: options.batchTokens ?? preset?.batchTokens ?? Infinity,
  };
}

export const keyForm = "a string of one line without spaces and control characters";

/** Whether a key can be sent. Anything else would be refused by `fetch` with a message that shows it. */
export function isKey(key: unknown): key is string {
  return typeof key === "string" && /^[\x21-\x7e]+$/.test(key);
}

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw invalid(`${describe(name)} is no name of a header`);
    if (!isHeaderText(value)) throw invalid(`the header ${name} has a value that cannot be sent`);
  }
  return { ...headers };
}

function embeddingsUrl(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid('option "baseUrl" must be an http or https URL such as "http://localhost:8080/v1"');
  }
  if (url.username !== "" || url.password !== "") {
    throw invalid('option "baseUrl" must not hold a name or password; pass them in "headers"');
  }
  url.hash = "";
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/embeddings`;
  return url;
}

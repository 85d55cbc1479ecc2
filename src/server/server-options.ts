import {
  checkOptions,
  invalid,
  isBoolean,
  isFilledString,
  isFunction,
  isOneOf,
  isPositiveInteger,
  unchecked,
  describe,
  type OptionCheck,
} from "../backends/check-options.js";
import { isKey, keyForm } from "../backends/api/api-options.js";
import type { LazyBackend } from "../backends/fallback/member.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import type { LogLevel, LogRecord } from "./log.js";

/** How arrays of tokens are read: see `ServerOptions.tokenIds`. */
export const tokenIdModes = ["auto", "model", "cl100k", "reject"] as const;
/** How arrays of tokens are read: see `ServerOptions.tokenIds`. */
export type TokenIds = (typeof tokenIdModes)[number];

/** Who may read `/metrics`. */
export const metricsAccess = ["key", "public", "off"] as const;
/** Who may read `/metrics`: who has a key, everybody, nobody. */
export type MetricsAccess = (typeof metricsAccess)[number];

/** Where a server listens. */
export interface ListenOptions {
  /** Default `"127.0.0.1"`, which only this machine can reach. Other addresses need a key, or `allowUnauthenticated`. */
  readonly host?: string | undefined;
  /** Default 8080; 0 for any that is free. */
  readonly port?: number | undefined;
}

/** How a server stops. */
export interface CloseOptions {
  /** Milliseconds for requests under way; then they get 503. Default 10,000. */
  readonly deadlineMs?: number | undefined;
  /** Milliseconds to go on as before but for `/ready`, until load balancers have noticed. Default 0. */
  readonly delayMs?: number | undefined;
}

/** Options of `createServer`. */
export interface ServerOptions {
  /**
   * The models by the names that clients use; the first also answers requests that name none. A function loads its model
   * while the server is up already, and the server disposes what it loaded so; backends passed as such stay yours.
   */
  readonly models: Readonly<Record<string, EmbeddingBackend | LazyBackend>>;
  /** Further names of the models, for clients that know only their own: `{ "text-embedding-3-small": "all-MiniLM-L6-v2" }`. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;

  /** Keys of which a request must carry one (`Authorization: Bearer`). Several, so that they can be changed one by one. */
  readonly apiKeys?: readonly string[] | undefined;
  /** A file with a key a line. */
  readonly apiKeyFile?: string | undefined;
  /** A program that prints a key, with its arguments; run once, without a shell. */
  readonly apiKeyCommand?: readonly string[] | undefined;
  /** Lets `listen` take an address that others can reach, although there is no key. */
  readonly allowUnauthenticated?: boolean | undefined;
  /**
   * Names in the `Host` header of requests, besides addresses and `localhost`. Default: with keys any name; without keys
   * none, since a web page could point its own name at this machine (DNS rebinding).
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of web pages that may call the server, or `"*"`. Default: none but its own. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Who may read `/metrics`: whoever has a key (default), everyone, or nobody. */
  readonly metrics?: MetricsAccess | undefined;

  /**
   * How arrays of tokens are read: as the model's own, or as OpenAI's cl100k_base, which LangChain for Python sends to any
   * server. `"auto"` (default) takes what only one of them can be and refuses the rest; `"reject"` refuses all.
   * All but `"model"` and `"reject"` need the package gpt-tokenizer.
   */
  readonly tokenIds?: TokenIds | undefined;
  /**
   * Cuts vectors to the `dimensions` of a request also where the model was not trained for it (Matryoshka), which loses
   * meaning. Without it such a request gets 400.
   */
  readonly cutWithoutMatryoshka?: boolean | undefined;
  /** Inputs in a request. Default 2,048, as OpenAI. */
  readonly maxInputs?: number | undefined;
  /** Bytes of a request's body. Default 8,000,000. */
  readonly maxBodyBytes?: number | undefined;
  /** Bytes of all bodies that are being received or waited on; beyond, requests get 429. Default 128,000,000. */
  readonly maxPendingBytes?: number | undefined;
  /** Requests that may wait for a model; beyond, they get 429. Default 512. */
  readonly maxQueue?: number | undefined;
  /** Milliseconds a request may have to wait, as estimated; beyond, it gets 429 at once. Default: as long as the queue has room. */
  readonly maxWait?: number | undefined;
  /** Milliseconds after which a request that has come in whole is given up with 503. Default 300,000. */
  readonly requestTimeout?: number | undefined;
  /** Tokens of one call to a backend. More is faster for long texts and holds up other requests for longer. Default 2,048. */
  readonly batchTokens?: number | undefined;
  /** Calls to a backend at a time. Default: 1 for a model in this process, whose calls use all its threads; 4 for others. */
  readonly concurrency?: number | undefined;

  /** Where the log goes. Default: nowhere. */
  readonly log?: ((record: LogRecord) => void) | undefined;
  /** `"debug"` has a record of every request. Default `"info"`. */
  readonly logLevel?: LogLevel | undefined;
  /** Spans by `@opentelemetry/api`, where it is installed. Default `true`. */
  readonly tracing?: boolean | undefined;
}

/** The options with their defaults. */
export interface ServerSettings {
  readonly aliases: ReadonlyMap<string, string>;
  readonly allowUnauthenticated: boolean;
  readonly allowedHosts: readonly string[] | undefined;
  readonly corsOrigins: readonly string[];
  readonly metrics: MetricsAccess;
  readonly tokenIds: TokenIds;
  readonly cutWithoutMatryoshka: boolean;
  readonly maxInputs: number;
  readonly maxBodyBytes: number;
  readonly maxPendingBytes: number;
  readonly maxQueue: number;
  readonly maxWaitMs: number;
  readonly requestTimeoutMs: number;
  readonly batchTokens: number;
  readonly concurrency: number | undefined;
  readonly log: (record: LogRecord) => void;
  readonly logLevel: LogLevel;
  readonly tracing: boolean;
}

const isStrings: OptionCheck = (value) =>
  Array.isArray(value) && value.every((each) => isFilledString(each) === undefined)
    ? undefined
    : "an array of strings";

const isPort: OptionCheck = (value) =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535
    ? undefined
    : "a whole number from 0 to 65535";

/** What a timer of Node takes. */
const isMilliseconds: OptionCheck = (value) =>
  typeof value === "number" && value >= 0 && value <= 0x7fff_ffff
    ? undefined
    : "a number of milliseconds from 0 to 2147483647";

/** Of `listen`. */
export const listenChecks = {
  host: isFilledString,
  port: isPort,
} satisfies Record<keyof ListenOptions, OptionCheck>;

/** Of `close`. */
export const closeChecks = {
  deadlineMs: isMilliseconds,
  delayMs: isMilliseconds,
} satisfies Record<keyof CloseOptions, OptionCheck>;

const checks = {
  models: (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? undefined
      : "an object of backends by name",
  aliases: (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((each) => typeof each === "string")
      ? undefined
      : "an object of names",
  apiKeys: unchecked,
  apiKeyFile: isFilledString,
  apiKeyCommand: unchecked,
  allowUnauthenticated: isBoolean,
  allowedHosts: isStrings,
  corsOrigins: isStrings,
  metrics: isOneOf(metricsAccess),
  tokenIds: isOneOf(tokenIdModes),
  cutWithoutMatryoshka: isBoolean,
  maxInputs: isPositiveInteger,
  maxBodyBytes: isPositiveInteger,
  maxPendingBytes: isPositiveInteger,
  maxQueue: isPositiveInteger,
  maxWait: isPositiveInteger,
  requestTimeout: isPositiveInteger,
  batchTokens: isPositiveInteger,
  concurrency: isPositiveInteger,
  log: isFunction,
  logLevel: isOneOf(["debug", "info", "warn", "error"]),
  tracing: isBoolean,
} satisfies Record<keyof ServerOptions, OptionCheck>;

/** @throws CandleEmbedError `INVALID_INPUT`, which never shows a key. */
export function toServerSettings(options: ServerOptions): ServerSettings {
  checkOptions(options ?? {}, checks);
  if (options?.models === undefined) throw invalid('option "models" is missing: the backends by their names');
  const { models, aliases = {}, apiKeys, apiKeyCommand } = options;
  for (const [name, backend] of Object.entries(models)) {
    if (typeof backend === "function") continue;
    const { embed, space } = Object(backend) as Partial<EmbeddingBackend>;
    if (typeof embed !== "function" || typeof space !== "object") {
      throw invalid(`model ${describe(name)} is neither a backend nor a function, but ${describe(backend)}`);
    }
  }
  for (const [alias, name] of Object.entries(aliases)) {
    if (Object.hasOwn(models, alias)) throw invalid(`alias ${describe(alias)} is the name of a model`);
    if (!Object.hasOwn(models, name))
      throw invalid(`alias ${describe(alias)} stands for ${describe(name)}, which is no model`);
  }
  if (apiKeys !== undefined && !(Array.isArray(apiKeys) && apiKeys.every(isKey))) {
    throw invalid(`option "apiKeys" must be an array; a key is ${keyForm}`);
  }
  if (apiKeyCommand !== undefined && !(isStrings(apiKeyCommand) === undefined && apiKeyCommand.length > 0)) {
    throw invalid('option "apiKeyCommand" must be an array of a program and its arguments');
  }
  return {
    aliases: new Map(Object.entries(aliases)),
    allowUnauthenticated: options.allowUnauthenticated ?? false,
    allowedHosts: options.allowedHosts,
    corsOrigins: options.corsOrigins ?? [],
    metrics: options.metrics ?? "key",
    tokenIds: options.tokenIds ?? "auto",
    cutWithoutMatryoshka: options.cutWithoutMatryoshka ?? false,
    maxInputs: options.maxInputs ?? 2_048,
    maxBodyBytes: options.maxBodyBytes ?? 8_000_000,
    maxPendingBytes: options.maxPendingBytes ?? 128_000_000,
    maxQueue: options.maxQueue ?? 512,
    maxWaitMs: options.maxWait ?? Infinity,
    requestTimeoutMs: options.requestTimeout ?? 300_000,
    batchTokens: options.batchTokens ?? 2_048,
    concurrency: options.concurrency,
    log: options.log ?? (() => undefined),
    logLevel: options.logLevel ?? "info",
    tracing: options.tracing ?? true,
  };
}

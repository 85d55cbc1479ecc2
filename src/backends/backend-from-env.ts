import { defaultModel, findInCatalog } from "../catalog.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import { CandleEmbedError } from "../errors.js";
import { checkOptions, invalid, isObject, unchecked, type OptionCheck } from "./check-options.js";
import { ApiBackend } from "./api/api-backend.js";
import type { ApiOptions } from "./api/api-options.js";
import { FallbackBackend } from "./fallback/fallback-backend.js";
import type { FallbackOptions } from "./fallback/fallback-options.js";
import { NativeBackend } from "./native-backend.js";
import type { Device, Dtype, NativeOptions } from "./native-options.js";
import { splitCommand } from "./split-command.js";

const providers = ["native", "api", "api-with-local-fallback", "local-with-api-fallback"] as const;
type Provider = (typeof providers)[number];

/** The variables that {@link backendFromEnv} reads. */
const names = [
  "EMBEDDING_PROVIDER",
  "EMBEDDING_MODEL",
  "EMBEDDING_DIMENSIONS",
  "EMBEDDING_API_BASE_URL",
  "EMBEDDING_LOCAL_URL",
  "EMBEDDING_API_KEY",
  "EMBEDDING_API_KEY_CMD",
  "EMBEDDING_DEVICE",
  "EMBEDDING_DTYPE",
  "EMBEDDING_CACHE_DIR",
] as const;
type Name = (typeof names)[number];
type Values = Partial<Record<Name, string>>;

/** Variables of the API, and of the model in this process: an error where the provider has no use for them. */
const ofApi: readonly Name[] = ["EMBEDDING_API_BASE_URL", "EMBEDDING_API_KEY", "EMBEDDING_API_KEY_CMD"];
const ofNative: readonly Name[] = ["EMBEDDING_DEVICE", "EMBEDDING_DTYPE", "EMBEDDING_CACHE_DIR"];

/** What the environment does not say. */
export interface EnvironmentOptions {
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Further options of the model in this process; the environment's come before them. */
  readonly native?: NativeOptions | undefined;
  /** Options of the fallback, where there is one. */
  readonly fallback?: FallbackOptions | undefined;
  /** Requests to an API under way at a time. Default 4. */
  readonly maxConcurrency?: number | undefined;
  /** Gives up loading. */
  readonly signal?: AbortSignal | undefined;
}

const checks = {
  env: isObject,
  native: unchecked,
  fallback: unchecked,
  maxConcurrency: unchecked,
  signal: unchecked,
} satisfies Record<keyof EnvironmentOptions, OptionCheck>;

/**
 * The backend that the environment describes; an empty variable counts as not set.
 *
 * - `EMBEDDING_PROVIDER`: `native` (the default), `api`, `api-with-local-fallback` or `local-with-api-fallback`.
 * - `EMBEDDING_MODEL`: a catalogue name, hub id or folder; for an API what it calls the model. A name of the catalogue
 *   tells the space of the API's vectors too.
 * - `EMBEDDING_DIMENSIONS`: what vectors must have; asked of the API where that is not what its model is known to give.
 * - `EMBEDDING_API_BASE_URL`, and `EMBEDDING_API_KEY` or `EMBEDDING_API_KEY_CMD` (a program with arguments, no shell).
 * - `EMBEDDING_LOCAL_URL`: the local side is a server there, instead of a model in this process.
 * - `EMBEDDING_DEVICE`, `EMBEDDING_DTYPE`, `EMBEDDING_CACHE_DIR`: of the model in this process.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for unknown values and for variables that contradict each other.
 */
export async function backendFromEnv(options: EnvironmentOptions = {}): Promise<EmbeddingBackend> {
  checkOptions(options, checks);
  const { provider, values } = readEnvironment(options.env ?? process.env);
  if (provider === "native") return loadNative(values, options);
  if (provider === "api") return ApiBackend.connect(apiOptions(values, options));
  const local = await loadLocal(values, options);
  let api: ApiBackend | undefined;
  try {
    api = await ApiBackend.connect(apiOptions(values, options, local));
    const backends = provider === "api-with-local-fallback" ? [api, local] : [local, api];
    return await FallbackBackend.create(backends, options.fallback);
  } catch (error) {
    await Promise.all([local.dispose(), api?.dispose()]);
    throw error;
  }
}

/**
 * What the environment asks for, without loading or asking anything.
 *
 * @throws CandleEmbedError `INVALID_INPUT` as {@link backendFromEnv}.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly provider: Provider;
  readonly values: Values;
} {
  const values = read(env);
  const provider = findProvider(values.EMBEDDING_PROVIDER);
  check(provider, values);
  return { provider, values };
}

function read(env: Readonly<Record<string, string | undefined>>): Values {
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

function findProvider(value: string | undefined): Provider {
  const provider = value === undefined ? "native" : providers.find((each) => each === value);
  if (provider !== undefined) return provider;
  throw invalid(`EMBEDDING_PROVIDER must be one of ${providers.join(", ")}, not ${JSON.stringify(value)}`);
}

function check(provider: Provider, values: Values): void {
  const refuse = (some: readonly Name[], why: string): void => {
    const name = some.find((each) => values[each] !== undefined);
    if (name !== undefined) throw invalid(`${name} contradicts ${why}; unset one of them`);
  };
  if (values.EMBEDDING_API_KEY !== undefined) refuse(["EMBEDDING_API_KEY_CMD"], "EMBEDDING_API_KEY");
  if (provider === "native") {
    refuse([...ofApi, "EMBEDDING_LOCAL_URL"], "EMBEDDING_PROVIDER=native");
  }
  if (provider === "api") refuse([...ofNative, "EMBEDDING_LOCAL_URL"], "EMBEDDING_PROVIDER=api");
  if (values.EMBEDDING_LOCAL_URL !== undefined) refuse(ofNative, "EMBEDDING_LOCAL_URL");
  for (const name of neededBy(provider, values)) {
    if (values[name] === undefined) throw invalid(`EMBEDDING_PROVIDER=${provider} needs ${name}`);
  }
  const dimensions = values.EMBEDDING_DIMENSIONS;
  if (dimensions !== undefined && !/^[1-9]\d{0,8}$/.test(dimensions)) {
    throw invalid(`EMBEDDING_DIMENSIONS must be a whole number from 1, not ${JSON.stringify(dimensions)}`);
  }
}

/** A model in this process has a default; a server is asked for one by its name. */
function neededBy(provider: Provider, values: Values): readonly Name[] {
  if (provider === "native") return [];
  const served = provider === "api" || values.EMBEDDING_LOCAL_URL !== undefined;
  return served ? ["EMBEDDING_API_BASE_URL", "EMBEDDING_MODEL"] : ["EMBEDDING_API_BASE_URL"];
}

async function loadNative(values: Values, { native, signal }: EnvironmentOptions): Promise<NativeBackend> {
  const backend = await NativeBackend.load(values.EMBEDDING_MODEL, {
    ...native,
    // Checked by load, which knows the names.
    ...(values.EMBEDDING_DEVICE !== undefined && { device: values.EMBEDDING_DEVICE as Device }),
    ...(values.EMBEDDING_DTYPE !== undefined && { dtype: values.EMBEDDING_DTYPE as Dtype }),
    ...(values.EMBEDDING_CACHE_DIR !== undefined && { cacheDir: values.EMBEDDING_CACHE_DIR }),
    ...(signal !== undefined && { signal }),
  });
  const dimensions = values.EMBEDDING_DIMENSIONS;
  if (dimensions === undefined || Number(dimensions) === backend.dimensions) return backend;
  await backend.dispose();
  throw new CandleEmbedError(
    "DIMENSION_MISMATCH",
    `EMBEDDING_DIMENSIONS is ${dimensions}, and ${backend.modelId} gives vectors of ${String(backend.dimensions)}`,
  );
}

/** The local side of a fallback: a server of one's own takes no key of the API. */
function loadLocal(values: Values, options: EnvironmentOptions): Promise<EmbeddingBackend> {
  const baseUrl = values.EMBEDDING_LOCAL_URL;
  if (baseUrl === undefined) return loadNative(values, options);
  return ApiBackend.connect({ ...modelOptions(values, options), baseUrl });
}

/** Behind a fallback, the API has the local model's prompts and form of vectors; that the space is the same it must show. */
function apiOptions(values: Values, options: EnvironmentOptions, local?: EmbeddingBackend): ApiOptions {
  const apiKey = values.EMBEDDING_API_KEY;
  const command = values.EMBEDDING_API_KEY_CMD;
  return {
    ...modelOptions(values, options),
    ...(local !== undefined && { prompts: local.space.prompts, normalized: local.space.normalized }),
    baseUrl: values.EMBEDDING_API_BASE_URL,
    apiKey,
    apiKeyCommand: command === undefined ? undefined : splitCommand("EMBEDDING_API_KEY_CMD", command),
  };
}

function modelOptions(values: Values, { maxConcurrency, signal }: EnvironmentOptions): ApiOptions {
  const model = values.EMBEDDING_MODEL ?? defaultModel;
  const entry = findInCatalog(model);
  const dimensions = values.EMBEDDING_DIMENSIONS ?? entry?.dimensions;
  return {
    model,
    // Servers whose model cannot be cut refuse the field, even where it asks for what they give.
    dimensions:
      dimensions === undefined || Number(dimensions) === entry?.dimensions ? undefined : Number(dimensions),
    space: entry?.name,
    maxConcurrency,
    signal,
  };
}

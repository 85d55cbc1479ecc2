import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

import { CandleEmbedError } from "../errors.js";

/** What a caller may set; everything else comes from the environment. */
export interface HubOptions {
  /** The folder with `models--org--name` folders. */
  readonly cacheDir?: string | undefined;
  /** Download nothing; what is in the cache serves. */
  readonly offline?: boolean | undefined;
  /** For models that are not open to everybody; default `HF_TOKEN`. */
  readonly token?: string | undefined;
}

/** Where models come from and where they are kept: the same variables, in the same order, as Python's huggingface_hub. */
export interface HubSettings {
  /** Absolute path. */
  readonly cacheDir: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly offline: boolean;
  /** Until the headers of an answer about a model are there. */
  readonly metadataTimeoutMs: number;
  /** Until the headers of a file are there, and between two pieces of it. */
  readonly downloadTimeoutMs: number;
  /** Whether links may be tried. */
  readonly symlinks: boolean;
}

/** The value of a variable; an empty one counts as not set, here and in Python. */
type Environment = (name: string) => string | undefined;

/**
 * The settings of one call.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for a variable that cannot be used, `DOWNLOAD_FAILED` where there is no place
 * for a cache.
 */
export function hubSettings(
  options: HubOptions = {},
  variables: Readonly<Record<string, string | undefined>> = process.env,
): HubSettings {
  const env: Environment = (name) => (variables[name] === "" ? undefined : variables[name]);
  return {
    cacheDir: path.resolve(options.cacheDir ?? cacheFolder(env)),
    endpoint: endpoint(env),
    token: options.token ?? tokenFrom(env),
    offline: options.offline ?? isTrue(env("HF_HUB_OFFLINE") ?? env("TRANSFORMERS_OFFLINE")),
    metadataTimeoutMs: seconds("HF_HUB_ETAG_TIMEOUT", env),
    downloadTimeoutMs: seconds("HF_HUB_DOWNLOAD_TIMEOUT", env),
    symlinks: !isTrue(env("HF_HUB_DISABLE_SYMLINKS")),
  };
}

function cacheFolder(env: Environment): string {
  const folder = env("HF_HUB_CACHE") ?? env("HUGGINGFACE_HUB_CACHE");
  return folder !== undefined ? expand(folder, env) : path.join(huggingFaceHome(env), "hub");
}

function huggingFaceHome(env: Environment): string {
  const own = env("HF_HOME");
  if (own !== undefined) return expand(own, env);
  const caches = env("XDG_CACHE_HOME");
  return path.join(caches === undefined ? path.join(home(), ".cache") : expand(caches, env), "huggingface");
}

function home(): string {
  try {
    const folder = homedir();
    if (path.isAbsolute(folder)) return folder;
  } catch {
    // no HOME and no entry in the password file, as in many containers
  }
  throw new CandleEmbedError(
    "DOWNLOAD_FAILED",
    "there is no home folder to keep models in: set HF_HOME or HF_HUB_CACHE, or pass cacheDir",
  );
}

/** `~` and `$NAME`, as Python's expanduser and expandvars do; unknown variables stay as they are. */
function expand(folder: string, env: Environment): string {
  const absolute = folder === "~" || /^~[/\\]/.test(folder) ? home() + folder.slice(1) : folder;
  return absolute.replace(
    /\$(?:(\w+)|\{(\w+)\})/g,
    (whole, plain: string | undefined, braced: string | undefined) => env(plain ?? braced ?? "") ?? whole,
  );
}

function endpoint(env: Environment): string {
  const value = (env("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new CandleEmbedError(
    "INVALID_INPUT",
    `HF_ENDPOINT must be an http or https URL, not ${JSON.stringify(value)}`,
  );
}

function tokenFrom(env: Environment): string | undefined {
  if (isTrue(env("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return undefined;
  return clean(env("HF_TOKEN") ?? env("HUGGING_FACE_HUB_TOKEN")) ?? clean(tokenFile(env));
}

function tokenFile(env: Environment): string | undefined {
  try {
    const file = env("HF_TOKEN_PATH");
    return readFileSync(
      file !== undefined ? expand(file, env) : path.join(huggingFaceHome(env), "token"),
      "utf8",
    );
  } catch {
    return undefined; // no file, or not ours to read: public models need none
  }
}

/** Without line ends, which editors add; an empty token is none. */
function clean(token: string | undefined): string | undefined {
  const text = token?.replace(/[\r\n]/g, "").trim();
  return text === "" ? undefined : text;
}

function isTrue(value: string | undefined): boolean {
  return /^(?:1|on|yes|true)$/i.test(value ?? "");
}

/** huggingface_hub's default of ten seconds. */
function seconds(name: string, env: Environment): number {
  const value = Number(env(name) ?? 10);
  if (value > 0 && value <= 86_400) return value * 1000;
  throw new CandleEmbedError(
    "INVALID_INPUT",
    `${name} must be a number of seconds, not ${JSON.stringify(env(name))}`,
  );
}

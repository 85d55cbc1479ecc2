/* eslint-disable @typescript-eslint/no-require-imports -- on first use, and Node caches the module */
import { existsSync } from "node:fs";
import path from "node:path";

import type * as Addon from "../../binding.js";
import { packageVersion } from "../utils/package-version.js";
import { addonError, foreignVersion } from "./addon-error.js";
import { addonPlatform, thisMachine, type Machine } from "./machine.js";

/**
 * The packages of `npm/`, of which an install has one. Every name stands in the code as a call of `require`: tools that copy
 * what a program needs (Next's standalone output, Vercel) find the file by it.
 */
const packages: Readonly<Record<string, () => unknown>> = {
  "darwin-arm64": () => require("@candle-embed/binding-darwin-arm64") as unknown,
  "darwin-x64": () => require("@candle-embed/binding-darwin-x64") as unknown,
  "linux-arm64-gnu": () => require("@candle-embed/binding-linux-arm64-gnu") as unknown,
  "linux-arm64-musl": () => require("@candle-embed/binding-linux-arm64-musl") as unknown,
  "linux-x64-gnu": () => require("@candle-embed/binding-linux-x64-gnu") as unknown,
  "linux-x64-musl": () => require("@candle-embed/binding-linux-x64-musl") as unknown,
  "win32-arm64-msvc": () => require("@candle-embed/binding-win32-arm64-msvc") as unknown,
  "win32-x64-msvc": () => require("@candle-embed/binding-win32-x64-msvc") as unknown,
};

/** The platforms that have a prebuilt addon. */
export const prebuiltPlatforms = Object.keys(packages);

let loaded: typeof Addon | undefined;

/**
 * The addon of this machine: the file that `CANDLE_EMBED_ADDON` names, else what `npm run build` left in a checkout, else the
 * platform's package. One of them is tried, none after another: what does not load says why.
 *
 * @throws CandleEmbedError `DEVICE_UNAVAILABLE`, with what to do.
 */
export function loadAddon(): typeof Addon {
  return (loaded ??= checkVersion(requireAddon()));
}

/** The file of {@link loadAddon}, which is loaded for it. */
export function addonFile(): string {
  loadAddon();
  const { file, platform } = locate();
  return file ?? require.resolve(`@candle-embed/binding-${platform}`);
}

/** Rejects an addon of another version: boundaries change without notice. */
export function checkVersion(addon: typeof Addon): typeof Addon {
  // Those before 0.1.0 was published have no such function.
  const version = (addon as Partial<typeof Addon>).addonVersion?.();
  const own = packageVersion();
  if (version !== own) throw foreignVersion(version, own);
  return addon;
}

interface Place {
  readonly machine: Machine;
  readonly platform: string;
  /** `undefined`: the platform's package has it. */
  readonly file: string | undefined;
}

function locate(): Place {
  const machine = thisMachine();
  const platform = addonPlatform(machine);
  const named = process.env["CANDLE_EMBED_ADDON"];
  if (named) return { machine, platform, file: path.resolve(named) };
  const built = path.join(__dirname, `../../candle-embed.${platform}.node`);
  return { machine, platform, file: existsSync(built) ? built : undefined };
}

function requireAddon(): typeof Addon {
  const { machine, platform, file } = locate();
  const load = packages[platform];
  const attempt = { machine, file, isPrebuilt: load !== undefined };
  if (file === undefined && load === undefined) throw addonError(undefined, attempt);
  try {
    return (file === undefined ? load?.() : require(file)) as typeof Addon;
  } catch (cause) {
    throw addonError(cause, attempt);
  }
}

import { CandleEmbedError } from "../errors.js";
import { glibcVersion } from "../utils/glibc-version.js";
import { messageOf } from "../utils/message-of.js";
import { addonPlatform, type Machine } from "./machine.js";

/** What was tried. */
export interface Attempt {
  readonly machine: Machine;
  /** The file that had to be loaded; `undefined`: the platform's package. */
  readonly file: string | undefined;
  /** Whether there is a package for the platform. */
  readonly isPrebuilt: boolean;
}

const wasm = 'npm install @candle-embed/wasm and import { WasmBackend } from "@candle-embed/wasm"';

/**
 * Why the addon could not be loaded, and what to do.
 *
 * @param cause `undefined` where nothing was tried, since there is nothing to try.
 */
export function addonError(cause: unknown, { machine, file, isPrebuilt }: Attempt): CandleEmbedError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const [said = ""] = messageOf(cause).split("\n");
  const where = describeMachine(machine);
  const unavailable = (message: string): CandleEmbedError =>
    new CandleEmbedError("DEVICE_UNAVAILABLE", message, cause === undefined ? {} : { cause });
  if (file !== undefined) {
    const remedy = process.env["CANDLE_EMBED_ADDON"]
      ? "CANDLE_EMBED_ADDON names it: unset that for the addon that is installed"
      : "build it again: npm run build";
    return unavailable(`${file} does not load as candle-embed's addon for ${where}: ${said}. ${remedy}`);
  }
  if (!isPrebuilt) {
    return unavailable(
      `candle-embed has no addon for ${where}: none is built for it. Use WebAssembly, which runs everywhere: ${wasm}`,
    );
  }
  if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND") {
    return unavailable(
      `candle-embed has no addon for ${where}: its package @candle-embed/binding-${addonPlatform(machine)} is not ` +
        "installed. Install again with optional dependencies (no --omit=optional) on this platform, not from a " +
        "node_modules of another; in a checkout: npm run build",
    );
  }
  const needs = machine.platform === "linux" ? "It needs glibc 2.17 or musl 1.2. " : "";
  return unavailable(
    `this system refuses to load candle-embed's addon for ${where}: ${said}. ${needs}` +
      `If the file is damaged, install again; else use WebAssembly: ${wasm}`,
  );
}

/** An addon that is of another version than the TypeScript, as far as it says which. */
export function foreignVersion(version: string | undefined, own: string): CandleEmbedError {
  return new CandleEmbedError(
    "DEVICE_UNAVAILABLE",
    `the addon is of candle-embed ${version ?? "(no version)"}, and this is ${own}: install again, so that its ` +
      "packages have one version; in a checkout: npm run build",
  );
}

/** With the version of glibc, which costs some milliseconds to find out: for the way of errors only. */
function describeMachine({ platform, arch, libc }: Machine): string {
  const version = libc === "glibc" ? ` ${glibcVersion() ?? ""}`.trimEnd() : "";
  return `${platform}-${arch}${libc === undefined ? "" : ` (${libc}${version})`}`;
}

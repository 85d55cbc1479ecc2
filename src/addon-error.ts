import { CandleEmbedError } from "./errors.js";
import { glibcVersion } from "./utils/glibc-version.js";

/** What has a prebuilt addon: the folders of `npm/`. A test holds the two together. */
export const prebuiltPlatforms = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm64-gnu",
  "linux-arm64-musl",
  "linux-x64-gnu",
  "linux-x64-musl",
  "win32-arm64-msvc",
  "win32-x64-msvc",
];

/** A machine, as far as it decides which addon runs on it. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** `undefined`: not Linux, or no glibc, which on Linux means musl. */
  readonly glibc: string | undefined;
}

/** This machine. Costs some milliseconds: for the way of errors only. */
function thisMachine(): Machine {
  return { platform: process.platform, arch: process.arch, glibc: glibcVersion() };
}

/** Why the addon is not there, and what to do. */
export function addonError(cause: unknown, machine = thisMachine()): CandleEmbedError {
  const { platform, arch, glibc } = machine;
  const linux = platform === "linux";
  const suffix = linux ? (glibc === undefined ? "-musl" : "-gnu") : platform === "win32" ? "-msvc" : "";
  const name = `${platform}-${arch}${suffix}`;
  const libc = !linux ? "" : glibc === undefined ? " (musl)" : ` (glibc ${glibc})`;
  return new CandleEmbedError(
    "DEVICE_UNAVAILABLE",
    `candle-embed has no addon for ${platform}-${arch}${libc}: ${reason(name, cause)}`,
    { cause },
  );
}

function reason(name: string, cause: unknown): string {
  const wasm = 'npm install @candle-embed/wasm and import { WasmBackend } from "@candle-embed/wasm"';
  if (!prebuiltPlatforms.includes(name)) {
    return `none is built for it. Use WebAssembly, which runs everywhere: ${wasm}`;
  }
  const refused = dlopenMessage(cause);
  if (refused !== undefined) {
    return `this system refuses to load it (${refused}). Linux needs glibc 2.17 or musl 1.2; else use WebAssembly: ${wasm}`;
  }
  return (
    `its package @candle-embed/binding-${name} is not installed. Install again with optional dependencies (no ` +
    "--omit=optional) on this platform, not from a node_modules of another; in a checkout: npm run build"
  );
}

/** What the system's loader said, where a file was there but could not be loaded. The generated loader chains its errors. */
function dlopenMessage(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ((at as NodeJS.ErrnoException).code === "ERR_DLOPEN_FAILED") return at.message;
  }
  return undefined;
}

import type * as Addon from "../index.js";
import { CandleEmbedError, errorCodes, type CandleEmbedErrorCode } from "./errors.js";

export type {
  NativeEmbedder,
  NativeEmbeddings,
  NativeEmbedOptions,
  NativeJob,
  NativeLoadOptions,
  NativeMachine,
  NativeModelInfo,
  NativePeak,
  NativeQuantizeReport,
  NativeStep,
  NativeTokens,
} from "../index.js";

/** Loads a model folder off the event loop. */
export async function loadModel(
  folder: string,
  options: Addon.NativeLoadOptions,
): Promise<Addon.NativeEmbedder> {
  return unwrap(await loadAddon().loadModel(folder, options));
}

/** Writes an int8 copy of a float32 model folder; the same input gives the same bytes. */
export async function quantizeModel(
  source: string,
  target: string,
  pooling?: string,
): Promise<Addon.NativeQuantizeReport> {
  return unwrap(await loadAddon().quantizeModel(source, target, pooling));
}

/** What this machine has for the engine. */
export function detectMachine(): Addon.NativeMachine {
  return unwrap(loadAddon().detectMachine());
}

/** Measures for a quarter of a second what so many threads can do at most. */
export async function measurePeak(threads: number): Promise<Addon.NativePeak> {
  return unwrap(await loadAddon().measurePeak(threads));
}

/** The file of the addon, which is loaded for it. */
export function addonFile(): string | undefined {
  loadAddon();
  return Object.keys(require.cache).find((file) => /candle-embed\b.*\.node$/.test(file));
}

/** The value of a native call, or the error it answered with, thrown. Errors cross the boundary as data. */
export function unwrap<Value extends object>(value: Value | Addon.NativeError): Value {
  if (isNativeError(value)) {
    const { code, message, index, tokens, limit } = value;
    throw new CandleEmbedError(isErrorCode(code) ? code : "INTERNAL", message, { index, tokens, limit });
  }
  return value;
}

function isNativeError(value: object): value is Addon.NativeError {
  return "code" in value && typeof value.code === "string" && "message" in value;
}

function isErrorCode(code: string): code is CandleEmbedErrorCode {
  return (errorCodes as readonly string[]).includes(code);
}

/** Required on first use, so that a platform without the addon can still use all that needs none. */
function loadAddon(): typeof Addon {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- lazy; Node caches the module
    return require("../index.js") as typeof Addon;
  } catch (cause) {
    throw new CandleEmbedError(
      "DEVICE_UNAVAILABLE",
      `the native addon for ${process.platform}-${process.arch} cannot be loaded; its package is ` +
        "@candle-embed/binding-<platform> (in a checkout: npm run build)",
      { cause },
    );
  }
}

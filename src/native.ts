import type * as Addon from "../index.js";
import { addonError } from "./addon-error.js";
import { unwrap } from "./engine.js";

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

/** Required on first use, so that a platform without the addon can still use all that needs none. */
function loadAddon(): typeof Addon {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- lazy; Node caches the module
    return require("../index.js") as typeof Addon;
  } catch (cause) {
    throw addonError(cause);
  }
}

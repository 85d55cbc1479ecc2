import { readFileSync } from "node:fs";

import type * as Addon from "../binding.js";
import { checkVersion, loadAddon } from "./addon/load-addon.js";
import { unwrap } from "./engine.js";
import { CandleEmbedError } from "./errors.js";
import { messageOf } from "./utils/message-of.js";

export type {
  NativeDeviceReport,
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
} from "../binding.js";
export { addonFile } from "./addon/load-addon.js";

/** The addon of this platform, or the one for NVIDIA GPUs, which users install beside it. */
export type AddonName = "platform" | "cuda";

/** Has the addon for NVIDIA GPUs: as large as all else together, and useless without such a GPU. */
export const cudaPackage = "@candle-embed/cuda-linux-x64";

/** Loads a model folder off the event loop. */
export async function loadModel(
  folder: string,
  options: Addon.NativeLoadOptions,
  addon: AddonName = "platform",
): Promise<Addon.NativeEmbedder> {
  return unwrap(await addons[addon]().loadModel(folder, options));
}

/** Opens a GPU and tries on it all that a model needs. May end the process where the driver is broken: see src/gpu. */
export function probeDevice(device: string, addon: AddonName): Addon.NativeDeviceReport {
  return unwrap(addons[addon]().probeDevice(device));
}

/** The kinds of device that the platform's addon is built for. */
export function platformDevices(): string[] {
  return loadAddon().compiledDevices();
}

/** The version of {@link cudaPackage}, where it is installed; nothing of it is loaded. */
export function cudaPackageVersion(): string | undefined {
  try {
    const file = require.resolve("@candle-embed/cuda-linux-x64/package.json");
    return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
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

const addons = { platform: loadAddon, cuda: loadCudaAddon };

/** Only after a process of its own has shown that it loads here. */
function loadCudaAddon(): typeof Addon {
  let addon;
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- no part of most installations
    addon = require("@candle-embed/cuda-linux-x64") as typeof Addon;
  } catch (cause) {
    const said = messageOf(cause);
    throw new CandleEmbedError("DEVICE_UNAVAILABLE", `${cudaPackage} cannot be loaded: ${said}`, { cause });
  }
  return checkVersion(addon);
}

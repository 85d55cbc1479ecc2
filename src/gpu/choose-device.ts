import { debuglog } from "node:util";

import type { LocatedModel } from "../backends/locate-model.js";
import type { NativeLoadChoice } from "../backends/native-options.js";
import { openModel } from "../backends/open-model.js";
import { CandleEmbedError } from "../errors.js";
import type { AddonName, NativeEmbedder } from "../native.js";
import type { Cancellation } from "../utils/cancellation.js";
import { untilCancelled } from "../utils/until-cancelled.js";
import { findGpu, lookFor, type GpuLook } from "./find-gpu.js";

/** Shown with `NODE_DEBUG=candle-embed`. */
const debug = debuglog("candle-embed");

/** Where a model is to be loaded. */
interface DeviceChoice {
  readonly options: NativeLoadChoice;
  readonly addon?: AddonName;
  /** The options for the CPU, where the device was not asked for by name and may still refuse the model. */
  readonly otherwise?: NativeLoadChoice;
}

/**
 * The device that the options name; for `auto` a GPU that is there, works and suits the model, else the CPU. (The engine takes
 * `auto` for the CPU: choosing is done here.)
 *
 * @throws CandleEmbedError `DEVICE_UNAVAILABLE` where a device that was named cannot be had, with the reason.
 */
export async function chooseDevice(
  model: LocatedModel,
  options: NativeLoadChoice,
  cancellation: Cancellation,
): Promise<DeviceChoice> {
  const { device = "auto" } = options;
  if (device === "cpu") return { options };
  if (device === "auto") return chooseBest(model, options, cancellation);
  const look = lookFor(device === "metal" ? "metal" : "cuda");
  const reason = look.obstacle ?? (await tryGpu(look, options, cancellation));
  if (reason !== undefined) throw unavailable(`device "${device}" cannot be used: ${reason}`);
  return { options, addon: look.addon };
}

/** Loads a model where {@link chooseDevice} said. */
export async function openOnDevice(
  model: LocatedModel,
  { options, addon, otherwise }: DeviceChoice,
): Promise<NativeEmbedder> {
  try {
    const embedder = await openModel(model, options, addon);
    if (otherwise !== undefined) debug(`device auto: ${embedder.info.device}`);
    return embedder;
  } catch (error) {
    if (otherwise === undefined) throw error;
    if (!CandleEmbedError.isInstance(error) || error.code !== "DEVICE_UNAVAILABLE") throw error;
    return openModel(model, onCpu(otherwise, error.message).options);
  }
}

async function chooseBest(
  { folder }: LocatedModel,
  options: NativeLoadChoice,
  cancellation: Cancellation,
): Promise<DeviceChoice> {
  const look = findGpu();
  if (look === undefined) return onCpu(options, "no GPU was found");
  const { dtype = "auto" } = options;
  // Whoever names no device gets the same vectors wherever the program runs, but for rounding.
  const onGpu = { ...options, device: look.kind, dtype: dtype === "auto" ? "float32" : dtype } as const;
  const reason =
    look.obstacle ?? (await unsuited(folder, options)) ?? (await tryGpu(look, onGpu, cancellation));
  return reason === undefined
    ? { options: onGpu, addon: look.addon, otherwise: options }
    : onCpu(options, reason);
}

function onCpu(options: NativeLoadChoice, reason: string): DeviceChoice {
  const { dtype } = options;
  if (dtype === "float16" || dtype === "bfloat16") {
    throw unavailable(`dtype "${dtype}" is for GPUs, and none can be used: ${reason}`);
  }
  debug(`device auto: cpu (${reason})`);
  return { options };
}

// What only a machine with a GPU needs is loaded there.

async function unsuited(folder: string, { dtype }: NativeLoadChoice): Promise<string | undefined> {
  const { whyCpu } = await import("./why-cpu.js");
  return whyCpu(folder, dtype);
}

/** Tries a GPU in a process of its own. Why it cannot be used as asked, or `undefined` where it can. */
async function tryGpu(
  { addon, kind }: GpuLook,
  { device = kind, dtype = "auto" }: NativeLoadChoice,
  cancellation: Cancellation,
): Promise<string | undefined> {
  const { probe } = await import("./probe.js");
  const { report, reason } = await untilCancelled(cancellation, () => probe(device, addon));
  if (report !== undefined) {
    // What `auto` stands for on a GPU, and that int8 is not for it, the engine says.
    if (dtype === "auto" || dtype === "int8" || report.dtypes.includes(dtype)) return undefined;
    return `${report.name} gives wrong numbers in ${dtype}, or has none; it computes in ${report.dtypes.join(", ")}`;
  }
  if (kind === "metal") return reason;
  const { describeDriver, driverVersion } = await import("./nvidia-driver.js");
  return reason + describeDriver(await driverVersion());
}

function unavailable(message: string): CandleEmbedError {
  return new CandleEmbedError("DEVICE_UNAVAILABLE", message);
}

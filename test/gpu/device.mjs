// Which device is tested, through the probe that candle-embed itself uses.
import { createRequire } from "node:module";
import { cpus } from "node:os";

const require = createRequire(import.meta.url);
const { findGpu, lookFor } = require("../../dist/gpu/find-gpu.js");
const { probe } = require("../../dist/gpu/probe.js");

/**
 * What the device is, or why it cannot be had.
 *
 * @param {string | undefined} device as `NativeBackend.load` takes it; default: the GPU that there is.
 * @returns {Promise<{ device: string, name: string, dtypes: string[], reason?: undefined } | { reason: string }>}
 */
export async function deviceReport(device) {
  if (device === "cpu") return { device, name: cpus()[0]?.model ?? "CPU", dtypes: ["float32"] };
  const look = device === undefined ? findGpu() : lookFor(device === "metal" ? "metal" : "cuda");
  if (look === undefined) return { reason: "none was found" };
  if (look.obstacle !== undefined) return { reason: look.obstacle };
  const { report, reason } = await probe(device ?? look.kind, look.addon);
  return report ?? { reason };
}

import { findGpu } from "../gpu/find-gpu.js";
import { describeDriver, driverVersion } from "../gpu/nvidia-driver.js";
import { probe, type ProbeReply } from "../gpu/probe.js";
import { cudaPackage, cudaPackageVersion } from "../native.js";
import { formatBytes } from "../utils/format-bytes.js";
import type { Finding } from "./finding.js";

/** A GPU, whether models can compute on it, and if not, why. */
export async function checkGpu(): Promise<Finding> {
  const name = "gpu";
  const look = findGpu();
  if (look === undefined) return { name, status: "ok", text: "none found; the CPU computes", data: {} };
  const { kind, addon, what, obstacle } = look;
  const driver = kind === "cuda" ? await driverVersion() : undefined;
  const data = { kind, driver, package: kind === "cuda" ? installedPackage() : undefined };
  const reply: ProbeReply = obstacle === undefined ? await probe(kind, addon) : { reason: obstacle };
  const { report, reason } = reply;
  if (report === undefined) {
    const shown = reason + describeDriver(driver);
    const text = `${String(what)}, not used: ${shown}`;
    return { name, status: "note", text, data: { ...data, works: false, reason: shown } };
  }
  const memory = report.memoryBytes === null ? "" : `, ${formatBytes(report.memoryBytes)}`;
  const with_ = driver === undefined ? "" : `, driver ${driver}`;
  return {
    name,
    status: "ok",
    text:
      `${report.name} (${report.device})${memory}${with_}: works in ${report.dtypes.join(", ")}\n` +
      'device "auto" takes it for models with float weights',
    data: { ...data, works: true, ...report },
  };
}

function installedPackage(): string | undefined {
  const version = cudaPackageVersion();
  return version && `${cudaPackage}@${version}`;
}

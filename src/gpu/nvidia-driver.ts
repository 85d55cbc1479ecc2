import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";

/** What the CUDA addon is built for is 13.0, which drivers from this version on have. */
const leastDriver = 580;

/** The version of NVIDIA's kernel driver, as Linux says it; `undefined` where it does not (WSL, Windows). */
function kernelDriverVersion(): string | undefined {
  try {
    return /\s(\d+\.\d[\d.]*)\s/.exec(readFileSync("/proc/driver/nvidia/version", "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

/** The version of the driver, from the kernel or else from `nvidia-smi`, which takes some hundred milliseconds. */
export async function driverVersion(): Promise<string | undefined> {
  return kernelDriverVersion() ?? askNvidiaSmi();
}

/** What to say of a driver where a GPU does not work: that it is too old, or which it is. */
export function describeDriver(version: string | undefined): string {
  if (version === undefined) return "";
  const isOld = Number.parseInt(version) < leastDriver;
  return isOld
    ? `; its driver is ${version}, and CUDA 13 needs ${String(leastDriver)} or newer: update the driver`
    : `; its driver is ${version}`;
}

function askNvidiaSmi(): Promise<string | undefined> {
  const args = ["--query-gpu=driver_version", "--format=csv,noheader"];
  return new Promise((resolve) => {
    execFile("nvidia-smi", args, { timeout: 10_000, windowsHide: true }, (error, stdout) => {
      const version = stdout.trim().split("\n")[0]?.trim();
      resolve(error === null && version ? version : undefined);
    });
  });
}

import { existsSync } from "node:fs";
import path from "node:path";

import { cudaPackage, cudaPackageVersion, platformDevices, type AddonName } from "../native.js";
import { glibcVersion } from "../utils/glibc-version.js";
import { packageVersion } from "../utils/package-version.js";

/** A kind of GPU, as devices are called. */
export type GpuKind = "metal" | "cuda";

/** What a look at the machine says of a kind of GPU. Nothing of the GPU is loaded for it. */
export interface GpuLook {
  readonly kind: GpuKind;
  /** What seems to be there; `undefined`: no sign of one. */
  readonly what: string | undefined;
  /** Why it cannot be used and what to do about it; `undefined`: it is worth trying. */
  readonly obstacle: string | undefined;
  /** The addon that computes on it. */
  readonly addon: AddonName;
}

/** The GPU that seems to be there: on a machine without one, a file or two that do not exist are all that is looked at. */
export function findGpu(): GpuLook | undefined {
  const look = process.platform === "darwin" ? lookForMetal() : lookForCuda();
  return look.what === undefined ? undefined : look;
}

/** Looks for a kind of GPU. */
export function lookFor(kind: GpuKind): GpuLook {
  return kind === "metal" ? lookForMetal() : lookForCuda();
}

function lookForMetal(): GpuLook {
  const look = { kind: "metal", addon: "platform" } as const;
  if (process.platform !== "darwin" || process.arch !== "arm64") {
    return { ...look, what: undefined, obstacle: "Metal is for Macs with Apple silicon" };
  }
  const has = platformDevices().includes("metal");
  const obstacle = has ? undefined : "this build of the addon has no Metal: build it with --features metal";
  return { ...look, what: "Apple GPU", obstacle };
}

function lookForCuda(): GpuLook {
  const look = { kind: "cuda", addon: "cuda" } as const;
  const sign = findNvidia();
  if (sign === undefined) {
    const places = nvidiaSigns().join(" nor ");
    const obstacle =
      places === ""
        ? `there is no CUDA for ${process.platform}`
        : `no NVIDIA GPU was found: there is neither ${places}. In a container it has to be passed through (docker run --gpus all)`;
    return { ...look, what: undefined, obstacle };
  }
  return { ...look, what: "NVIDIA GPU", obstacle: cudaObstacle() };
}

/** What the NVIDIA driver leaves where it is installed; in WSL that is Windows' own library. */
function nvidiaSigns(): string[] {
  if (process.platform === "linux") return ["/dev/nvidiactl", "/usr/lib/wsl/lib/libcuda.so.1"];
  if (process.platform !== "win32") return [];
  return [path.join(process.env["SystemRoot"] ?? "C:\\Windows", "System32\\nvcuda.dll")];
}

function findNvidia(): string | undefined {
  return nvidiaSigns().find(isThere);
}

/** Deno throws where a program may not look, which in `/dev` it may only with all permissions: then no GPU is to be had. */
function isThere(file: string): boolean {
  try {
    return existsSync(file);
  } catch {
    return false;
  }
}

function cudaObstacle(): string | undefined {
  const { platform, arch } = process;
  if (platform !== "linux" || arch !== "x64") {
    return `no addon with CUDA is built for ${platform}-${arch}, only for linux-x64`;
  }
  const hidden = process.env["CUDA_VISIBLE_DEVICES"]?.trim();
  if (hidden === "" || hidden === "-1") return "CUDA_VISIBLE_DEVICES hides all GPUs: unset it";
  const version = packageVersion();
  const install = `npm install ${cudaPackage}@${version}`;
  const installed = cudaPackageVersion();
  if (installed === undefined) {
    return glibcVersion() === undefined
      ? `the package ${cudaPackage} is not installed, and needs glibc, which this system does not have`
      : `the package ${cudaPackage} is not installed: ${install}`;
  }
  if (installed === version) return undefined;
  return `the package ${cudaPackage} is version ${installed}, and candle-embed ${version}: ${install}`;
}

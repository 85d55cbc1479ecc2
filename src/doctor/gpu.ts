import { existsSync } from "node:fs";

import { NativeBackend } from "../backends/native-backend.js";
import type { Device } from "../backends/native-options.js";
import { messageOf, type Finding } from "./finding.js";

/** A GPU, and whether this build computes on it. */
export async function checkGpu(): Promise<Finding> {
  const name = "gpu";
  const found = findGpu();
  if (found === undefined) return { name, status: "ok", text: "none found; the CPU computes", data: {} };
  const { device, what } = found;
  try {
    const backend = await NativeBackend.load(undefined, { device });
    await backend.dispose();
    return { name, status: "ok", text: `${what}; device "${device}" works`, data: { device, works: true } };
  } catch (error) {
    const reason = messageOf(error);
    return {
      name,
      status: "note",
      text: `${what}, not used: ${reason}`,
      data: { device, works: false, reason },
    };
  }
}

function findGpu(): { device: Device; what: string } | undefined {
  if (process.platform === "darwin" && process.arch === "arm64")
    return { device: "metal", what: "Apple GPU" };
  const places = ["/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "C:\\Windows\\System32\\nvcuda.dll"];
  return places.some((place) => existsSync(place)) ? { device: "cuda", what: "NVIDIA GPU" } : undefined;
}

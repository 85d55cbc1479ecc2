import { readFileSync } from "node:fs";
import { cpus } from "node:os";

import { detectMachine } from "../native.js";
import type { Finding } from "./finding.js";

/** What the kernels can make use of, by the names of Linux. */
const telling =
  /^(?:avx2|fma|avx512f|avx512bw|avx512vl|avx512dq|avx512_vnni|avx_vnni|avx512_bf16|amx_int8|asimd|asimddp|i8mm|bf16|sve)$/;

/** The processor and which of its instructions are used. */
export function checkCpu(): Finding {
  const { isa, availableIsas } = detectMachine();
  const model = cpus()[0]?.model.trim() ?? "unknown CPU";
  const forced = process.env["CANDLE_EMBED_ISA"];
  const best = availableIsas[0];
  const features = readFeatures();
  const isSlow = isa === "scalar";
  const isLower = isa !== best;
  return {
    name: "cpu",
    status: isSlow || isLower ? "note" : "ok",
    text:
      `${model}, kernels for ${isa}` +
      (isLower ? ` (CANDLE_EMBED_ISA; ${String(best)} is there)` : "") +
      (features.length === 0 ? "" : `\nhas ${features.join(" ")}`),
    advice: isLower
      ? "unset CANDLE_EMBED_ISA"
      : isSlow
        ? "this CPU has no instructions that the kernels know (x86: AVX2, aarch64: NEON): expect a tenth of the speed"
        : undefined,
    data: { model, isa, availableIsas, forced, features },
  };
}

function readFeatures(): string[] {
  try {
    const info = readFileSync("/proc/cpuinfo", "utf8");
    const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1] ?? "";
    return flags.split(/\s+/).filter((flag) => telling.test(flag));
  } catch {
    return []; // no Linux
  }
}

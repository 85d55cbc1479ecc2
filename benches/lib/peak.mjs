import { readFileSync } from "node:fs";

import { rustProgram } from "./paths.mjs";
import { LineProcess } from "./process.mjs";

/** The peak probe as a process of its own. */
export class PeakProbe {
  #process = new LineProcess(rustProgram("peak"), []);
  #seconds;

  /** @param {boolean} quick */
  constructor(quick) {
    this.#seconds = quick ? { warm_up_seconds: 0.02, seconds: 0.1 } : { warm_up_seconds: 0.2, seconds: 0.5 };
  }

  /**
   * Operations a second, sustained by that many threads at once.
   *
   * @param {number} threads
   * @returns {Promise<{ isa: string, threads: number, f32: number, int8: number }>}
   */
  measure(threads) {
    return this.#process.ask({ threads, ...this.#seconds });
  }

  close() {
    return this.#process.close();
  }
}

/** Clock ticks that the hypervisor took from this machine, and all ticks; undefined where the system doesn't tell. */
export function cpuTicks() {
  try {
    const ticks = readFileSync("/proc/stat", "utf8").split("\n")[0].split(/\s+/).slice(1, 9).map(Number);
    return { steal: ticks[7], all: ticks.reduce((sum, value) => sum + value, 0) };
  } catch {
    return undefined;
  }
}

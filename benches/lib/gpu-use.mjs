import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";

/** NVIDIA's figure is of the sixth of a second before; closer samples would repeat it. */
const EVERY_MS = 200;

/** How busy a GPU is while something runs, as `nvidia-smi` says it: the share of time in which a kernel ran. */
export class GpuUse {
  #index;

  /** @param {string} device */
  constructor(device) {
    this.#index = device.startsWith("cuda") ? (/\d+/.exec(device)?.[0] ?? "0") : undefined;
  }

  /** The GPU's name and its driver; undefined where `nvidia-smi` does not know it. */
  get name() {
    if (this.#index === undefined) return undefined;
    const args = ["--query-gpu=name,driver_version", "--format=csv,noheader", "--id", this.#index];
    return execFileSync("nvidia-smi", args, { encoding: "utf8" }).trim().replace(", ", ", driver ");
  }

  /**
   * @template Value
   * @param {() => Promise<Value>} work
   * @returns {Promise<{ value: Value, busy: number | undefined }>} busy: 0 to 1; undefined where nobody tells.
   */
  async during(work) {
    if (this.#index === undefined) return { value: await work(), busy: undefined };
    const query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id", this.#index];
    const child = spawn("nvidia-smi", [...query, "-lms", String(EVERY_MS)], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(child, "close").catch(() => {});
    const samples = [];
    const start = performance.now();
    child.stdout.setEncoding("utf8").on("data", (text) => {
      // What is said at first is of the time before.
      if (performance.now() - start < 2 * EVERY_MS) return;
      for (const line of text.trim().split("\n")) samples.push(Number(line) / 100);
    });
    try {
      const value = await work();
      const known = samples.filter(Number.isFinite);
      const busy = known.length === 0 ? undefined : known.reduce((sum, each) => sum + each, 0) / known.length;
      return { value, busy };
    } finally {
      child.kill();
      await ended;
    }
  }
}

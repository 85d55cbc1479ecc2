// What all engines in JavaScript share: the requests on stdin, the clock, the answers on stdout.
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";

/**
 * @typedef {object} Texts
 * @property {string[]} texts
 * @property {number[][]} tokens token ids; empty for engines that tokenize themselves
 * @property {number[]} order indices by length
 *
 * @typedef {object} Engine
 * @property {boolean} [wantsTokens]
 * @property {(request: any) => Promise<object>} load answers with { versions }
 * @property {(texts: Texts, settings: any) => Promise<Float32Array>} embed all vectors, in the order of the texts
 * @property {(texts: Texts, index: number, settings: any) => Promise<unknown>} one one text in one call
 * @property {() => Promise<{ rss: number, peak: number }>} [memory] of what computes, where that is not this process
 */

/**
 * Indices of one batch after the other: texts of about the same length together, unless the settings say otherwise.
 *
 * @param {Texts} workload
 * @param {{ batch: number, sorted?: boolean }} settings
 */
export function* batches({ texts, order }, { batch, sorted = true }) {
  for (let start = 0; start < texts.length; start += batch) {
    const end = Math.min(start + batch, texts.length);
    yield sorted ? order.slice(start, end) : Array.from({ length: end - start }, (_, i) => start + i);
  }
}

/** @param {Engine} engine */
export async function serve(engine) {
  /** @type {Map<string, Texts>} */
  const workloads = new Map();

  const operations = {
    async load(request) {
      const start = performance.now();
      const answer = await engine.load(request);
      return { seconds: (performance.now() - start) / 1000, ...answer };
    },
    async workload({ name, texts, tokens, order }) {
      workloads.set(name, {
        texts: readJson(texts),
        tokens: engine.wantsTokens ? readJson(tokens) : [],
        order,
      });
      return {};
    },
    async embed({ name, sample, settings }) {
      const workload = workloads.get(name);
      const start = performance.now();
      const vectors = await engine.embed(workload, settings);
      const seconds = (performance.now() - start) / 1000;
      const dimensions = vectors.length / workload.texts.length;
      const rows = new Float32Array(sample.length * dimensions);
      sample.forEach((index, i) => {
        rows.set(vectors.subarray(index * dimensions, (index + 1) * dimensions), i * dimensions);
      });
      let sum = 0;
      for (const value of vectors) sum += value;
      return { seconds, sum, sample: Buffer.from(rows.buffer).toString("base64") };
    },
    async latency({ name, text, calls, pause, settings }) {
      const workload = workloads.get(name);
      const milliseconds = [];
      for (let call = 0; call < calls; call++) {
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
        const start = performance.now();
        await engine.one(workload, text, settings);
        milliseconds.push(performance.now() - start);
      }
      return { milliseconds };
    },
    async steady({ name, calls, seconds, settings }) {
      const workload = workloads.get(name);
      const call = (i) => engine.one(workload, i % workload.texts.length, settings);
      for (let i = 0; i < calls / 5; i++) await call(i);
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const samples = [];
      const start = performance.now();
      let i = 0;
      for (; i < calls && performance.now() - start < seconds * 1000; i++) {
        if (i % Math.ceil(calls / 50) === 0) samples.push([i, process.memoryUsage().rss]);
        await call(i);
      }
      delay.disable();
      samples.push([i, process.memoryUsage().rss]);
      const milliseconds = (value) => value / 1e6;
      return {
        calls: i,
        samples,
        delay: {
          p50: milliseconds(delay.percentile(50)),
          p99: milliseconds(delay.percentile(99)),
          max: milliseconds(delay.max),
        },
      };
    },
    async memory() {
      if (engine.memory !== undefined) return engine.memory();
      return { rss: process.memoryUsage().rss, peak: peakMemory() };
    },
  };

  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    const answer = await operations[request.op](request).catch((error) => ({
      error: String(error?.stack ?? error),
    }));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  // Some addons keep threads that would hold the process.
  process.exit(0);
}

/** Not `maxRSS` where there is better: on Linux that includes the parent's memory between fork and exec. */
function peakMemory() {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"));
    return Number(kilobytes) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

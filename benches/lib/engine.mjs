import { LineProcess } from "./process.mjs";
import { decodeVectors } from "./workloads.mjs";

/** Importing torch takes 5 s, on a busy machine 20. */
const LOAD_SECONDS = 60;

/** An engine's process, as the commands use it. */
export class RunningEngine {
  /**
   * @param {import("../engines/definition.mjs").EngineDefinition} definition
   * @param {LineProcess} process
   * @param {{ versions: Record<string, string>, seconds: number }} loaded
   */
  constructor(definition, process, loaded) {
    this.definition = definition;
    this.name = definition.name;
    this.process = process;
    this.loaded = loaded;
  }

  /**
   * Starts the process and loads the model.
   *
   * @param {import("../engines/definition.mjs").EngineDefinition} definition
   * @param {{ model: import("./models.mjs").Model, threads: number, limit: number, settings?: object }} options
   */
  static async start(definition, { model, threads, limit, settings }) {
    const reason = definition.missing?.(model, threads);
    if (reason !== undefined) throw new Error(reason);
    const { command, args, env } = definition.start(threads);
    const process = new LineProcess(command, args, { env });
    try {
      const request = {
        op: "load",
        model: definition.model(model),
        threads,
        limit,
        settings: settings ?? definition.standard(model),
      };
      const loaded = await process.ask(request, LOAD_SECONDS);
      return new RunningEngine(definition, process, loaded);
    } catch (error) {
      await process.close();
      throw error;
    }
  }

  /** @param {import("./workloads.mjs").Workload} workload */
  async give({ name, textsFile, tokensFile, order }) {
    await this.process.ask({ op: "workload", name, texts: textsFile, tokens: tokensFile, order });
  }

  /**
   * Embeds the workload once; the engine's own clock.
   *
   * @param {import("./workloads.mjs").Workload} workload
   * @param {object} settings
   * @returns {Promise<{ seconds: number, cosine: { mean: number, min: number }, wrong: string | undefined, sum: number }>}
   */
  async embed({ name, reference }, settings) {
    const answer = await this.process.ask({ op: "embed", name, sample: reference.indices, settings });
    const vectors =
      typeof answer.sample === "string"
        ? decodeVectors(answer.sample)
        : Float32Array.from(answer.sample.flat());
    const cosine = compare(vectors, reference);
    const limit = this.definition.minCosine;
    // `!(a >= b)`: NaN is wrong too.
    const wrong = !(cosine.min >= limit)
      ? `wrong answer: cosine to the reference ${cosine.min.toFixed(5)}, at least ${limit} is asked`
      : !Number.isFinite(answer.sum)
        ? "wrong answer: not all components are finite"
        : undefined;
    return { seconds: answer.seconds, cosine, wrong, sum: answer.sum };
  }

  /** @returns {Promise<number[]>} milliseconds */
  async latency(workload, text, calls, pause, settings) {
    const request = { op: "latency", name: workload.name, text, calls, pause, settings };
    return (await this.process.ask(request)).milliseconds;
  }

  /**
   * One text a call, again and again, in engines in JavaScript.
   *
   * @returns {Promise<{ calls: number, samples: [number, number][], delay: { p50: number, p99: number, max: number } }>}
   * resident bytes after so many calls; the event loop's delay in milliseconds
   */
  steady(workload, calls, seconds, settings) {
    return this.process.ask({ op: "steady", name: workload.name, calls, seconds, settings });
  }

  /** @returns {Promise<{ rss: number, peak: number }>} bytes */
  memory() {
    return this.process.ask({ op: "memory" });
  }

  close() {
    return this.process.close();
  }
}

/** Cosines of rows to the reference's rows. */
function compare(vectors, { indices, dimensions, vectors: expected }) {
  if (vectors.length !== expected.length) return { mean: NaN, min: NaN };
  const cosines = indices.map((_, row) => {
    let [dot, a, b] = [0, 0, 0];
    for (let i = row * dimensions; i < (row + 1) * dimensions; i++) {
      dot += vectors[i] * expected[i];
      a += vectors[i] ** 2;
      b += expected[i] ** 2;
    }
    return dot / Math.sqrt(a * b);
  });
  return { mean: cosines.reduce((sum, value) => sum + value, 0) / cosines.length, min: Math.min(...cosines) };
}

/**
 * Starts engines; those that can't run are named with the reason.
 *
 * @param {readonly import("../engines/definition.mjs").EngineDefinition[]} definitions
 * @param {Parameters<typeof RunningEngine.start>[1] & { failures: Map<string, string> }} options
 */
export async function startAll(definitions, options) {
  /** @type {RunningEngine[]} */
  const running = [];
  /** @type {Record<string, string>} */
  const missing = {};
  for (const definition of definitions) {
    try {
      const reason = options.failures.get(definition.name);
      if (reason !== undefined) throw new Error(reason);
      running.push(await RunningEngine.start(definition, options));
    } catch (error) {
      missing[definition.name] = String(error.message).trim().slice(0, 500);
      console.error(`- ${definition.name} takes no part: ${missing[definition.name]}`);
    }
  }
  return { running, missing };
}

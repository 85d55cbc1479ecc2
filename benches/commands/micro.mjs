import { createRequire } from "node:module";

import { header, number, origin, table, write } from "../lib/report.mjs";
import { readTexts } from "../lib/workloads.mjs";

/**
 * The TypeScript path of candle-embed in this process, by tinybench: what a call costs around the engine, and the helpers.
 *
 * @param {object} options see run.mjs
 */
export async function micro(options) {
  const { model, threads, quick, machine } = options;
  const { Bench } = await import("tinybench");
  const { NativeBackend, cosineSimilarity, topK } = createRequire(import.meta.url)("../../dist/index.js");
  const backend = await NativeBackend.load(model.int8, { threads });
  const short = readTexts(options.data, "short");
  const corpus = await backend.embed(short);
  const query = corpus.at(0);

  const bench = new Bench({ time: quick ? 50 : 2000, warmupTime: quick ? 10 : 500 });
  bench
    .add("embed([]): a call around nothing", () => backend.embed([]))
    .add("embed(one short text)", () => backend.embed(short[0]))
    .add("embed(32 short texts)", () => backend.embed(short.slice(0, 32)))
    .add(`topK(10) of ${corpus.count} rows`, () => topK(query, corpus, 10))
    .add("cosineSimilarity", () => cosineSimilarity(query, corpus.at(1)))
    .add(`every row of ${corpus.count} as a view`, () => {
      let sum = 0;
      for (const row of corpus) sum += row[0];
      return sum;
    })
    .add(`toArrays of ${corpus.count} rows`, () => corpus.toArrays());
  await bench.run();
  await backend.dispose();

  const tasks = bench.tasks.map(({ name, result }) => {
    if (result.error !== undefined) throw result.error;
    return { name, mean: result.latency.mean, p99: result.latency.p99, hertz: result.throughput.mean };
  });
  const body = [
    "## The TypeScript path (int8)",
    origin(machine, { ...options, model: model.name }),
    table(
      ["operation", "mean, ms", "p99, ms", "operations/s"],
      tasks.map((row) => [row.name, row.mean.toPrecision(3), row.p99.toPrecision(3), number(row.hertz)]),
    ),
  ].join("\n\n");
  write(options.out, `micro-${model.name}`, { ...header("micro", options), tasks }, body);
}

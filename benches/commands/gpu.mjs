import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { enginesOn } from "../engines/on-gpu.mjs";
import { startAll } from "../lib/engine.mjs";
import { GpuUse } from "../lib/gpu-use.mjs";
import { getFloatModel } from "../lib/models.mjs";
import { header, number, notes, origin, percent, table, write } from "../lib/report.mjs";
import { median, summary } from "../lib/stats.mjs";
import { prepare, readTexts } from "../lib/workloads.mjs";
import { plotCalls } from "../report/gpu-plot.mjs";

/** Texts of a file: it is gone through as often as it takes, since a GPU is done with one in a tenth of a second. */
const TEXTS = { short: 32_768, mixed: 16_384, long: 8_192 };
const SAMPLES = 48;
/** Texts of a call, for the plot. */
const CALLS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/** Long enough for the driver's figure of how busy the GPU is. */
const BUSY_SECONDS = 5;

/**
 * candle-embed beside sentence-transformers on one GPU, both in float16: whole files in rounds A B A B with sentence-transformers'
 * best batch size, how busy the GPU is, and calls of 1 to 1,024 texts.
 *
 * @param {object} options see run.mjs
 */
export async function gpu(options) {
  const { device, quick, limit, modelName } = options;
  if (modelName === "static") throw new Error("a static model does not compute on a GPU");
  const model = await getFloatModel(modelName);
  const rounds = options.rounds ?? (quick ? 2 : 7);
  const workloads = (options.workloads ?? ["short", "mixed", "long"]).map((name) => {
    const texts = repeat(readTexts(options.data, name), quick ? 64 : TEXTS[name]);
    return prepare(`gpu-${name}`, texts, { model, limit, samples: quick ? 8 : SAMPLES });
  });
  const { running, missing } = await startAll(enginesOn(device), { ...options, model, failures: new Map() });
  const use = new GpuUse(device);
  const data = {
    ...header("gpu", { ...options, model }),
    device,
    gpu: use.name,
    weights: model.weights,
    missing,
    workloads: {},
    calls: {},
  };
  try {
    data.versions = Object.fromEntries(running.map(({ name, loaded }) => [name, loaded.versions]));
    for (const workload of workloads) {
      for (const engine of running) await engine.give(workload);
      data.workloads[workload.name] = await wholeFile(workload, running, { rounds, use, quick });
      data.calls[workload.name] = await callsOfAllSizes(workload, running, { rounds, quick });
    }
  } finally {
    await Promise.all(running.map((engine) => engine.close()));
  }
  writePlots(options.out, data);
  write(options.out, `gpu-${model.name}`, data, markdown(data, { ...options, model: model.name }));
}

function repeat(texts, count) {
  return Array.from({ length: count }, (_, i) => texts[i % texts.length]);
}

/** One engine's turn; wrong answers end the run: there is nothing to compare then. */
async function turn(engine, workload, settings) {
  const { seconds, wrong, cosine } = await engine.embed(workload, settings);
  if (wrong !== undefined) throw new Error(`${engine.name}: ${wrong}`);
  return { seconds, cosine };
}

async function wholeFile(workload, running, { rounds, use, quick }) {
  const texts = workload.lengths.length;
  const rows = [];
  for (const engine of running) {
    const standard = engine.definition.standard();
    // The first turn pays for kernels that are made when they are first needed.
    const { cosine } = await turn(engine, workload, standard);
    const tried = [];
    for (const batch of engine.definition.batches) {
      const settings = { ...standard, ...(batch !== undefined && { batch }) };
      tried.push({ batch, seconds: (await turn(engine, workload, settings)).seconds });
    }
    const best = tried.reduce((a, b) => (b.seconds < a.seconds ? b : a));
    const settings = { ...standard, ...(best.batch !== undefined && { batch: best.batch }) };
    rows.push({ engine, settings, tried, cosine, speeds: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const row of round % 2 === 0 ? rows : [...rows].reverse()) {
      row.speeds.push(texts / (await turn(row.engine, workload, row.settings)).seconds);
    }
    console.error(
      `  round ${round + 1}/${rounds}: ${rows.map((row) => `${row.engine.name} ${number(row.speeds.at(-1))}`).join(", ")}`,
    );
  }
  const peer = rows.find(({ engine }) => !engine.definition.ours);
  const result = {};
  for (const { engine, settings, tried, cosine, speeds } of rows) {
    const { busy } = await use.during(async () => {
      const end = performance.now() + (quick ? 0 : BUSY_SECONDS * 1000);
      do await turn(engine, workload, settings);
      while (performance.now() < end);
    });
    result[engine.name] = {
      textsPerSecond: summary(speeds),
      tokensPerSecond: median(speeds) * (workload.tokens / texts),
      ratio: peer && summary(speeds.map((speed, round) => speed / peer.speeds[round])),
      batch: settings.batch,
      tried,
      cosine,
      busy,
    };
  }
  return { texts, tokens: workload.tokens, engines: result };
}

/** Texts a second of calls with so many texts; sentence-transformers' batch is the call. */
async function callsOfAllSizes(workload, running, { rounds, quick }) {
  const sizes = CALLS.filter((size) => size <= workload.lengths.length && (!quick || size <= 8));
  const result = Object.fromEntries(running.map(({ name }) => [name, []]));
  for (const size of sizes) {
    const call = callOf(workload, size);
    for (const engine of running) {
      await engine.give(call);
      const settings = { ...engine.definition.standard(), batch: size };
      const seconds = [];
      // A small call is over in a millisecond or two: many of them.
      const count = quick ? 2 : Math.max(rounds, Math.round(256 / size));
      for (let i = 0; i <= count; i++) {
        const { seconds: took } = await turn(engine, call, settings);
        if (i > 0) seconds.push(took);
      }
      result[engine.name].push([size, size / median(seconds)]);
    }
  }
  return result;
}

/** The first texts of a workload, from the first on that has a reference vector. */
function callOf(workload, size) {
  const { indices, dimensions, vectors } = workload.reference;
  const start = Math.min(indices[0], workload.lengths.length - size);
  const within = [...indices.keys()].filter((i) => indices[i] >= start && indices[i] < start + size);
  const lengths = workload.lengths.slice(start, start + size);
  const texts = JSON.parse(readFileSync(workload.textsFile, "utf8")).slice(start, start + size);
  const textsFile = workload.textsFile.replace(/\.json$/, `-${size}.json`);
  writeFileSync(textsFile, JSON.stringify(texts));
  return {
    name: `${workload.name}-${size}`,
    textsFile,
    tokensFile: textsFile,
    lengths,
    order: lengths.map((_, i) => i).sort((a, b) => lengths[a] - lengths[b] || a - b),
    tokens: lengths.reduce((sum, length) => sum + length, 0),
    reference: {
      indices: within.map((i) => indices[i] - start),
      dimensions,
      vectors: Float32Array.from(
        within.flatMap((i) => [...vectors.subarray(i * dimensions, (i + 1) * dimensions)]),
      ),
    },
  };
}

function writePlots(out, { calls, device, model }) {
  mkdirSync(out, { recursive: true });
  for (const [name, series] of Object.entries(calls)) {
    const title = `${model}, ${name.replace("gpu-", "")} texts, ${device}`;
    writeFileSync(path.join(out, `gpu-${model}-${name.replace("gpu-", "")}.svg`), plotCalls(series, title));
  }
}

function markdown(data, options) {
  const rows = Object.entries(data.workloads).flatMap(([name, { engines }]) =>
    Object.entries(engines).map(([engine, row]) => [
      `${name.replace("gpu-", "")}, ${engine}`,
      `${number(row.textsPerSecond.median)} (${number(row.textsPerSecond.min)}-${number(row.textsPerSecond.max)})`,
      number(row.tokensPerSecond),
      number(row.ratio?.median),
      percent(row.busy),
      row.batch === undefined ? "its own" : String(row.batch),
      `${row.cosine.mean.toFixed(5)} (${row.cosine.min.toFixed(5)})`,
    ]),
  );
  const head = [
    "",
    "texts/s (min-max)",
    "tokens/s",
    "x sentence-transformers",
    "GPU busy",
    "batch",
    "cosine mean (min)",
  ];
  const plots = Object.keys(data.calls).map((name) => `gpu-${data.model}-${name.replace("gpu-", "")}.svg`);
  return [
    `## GPU: ${data.gpu ?? data.device}`,
    origin(data.machine, options),
    table(head, rows),
    `${data.weights === "random" ? "Random weights of the model's shape. " : ""}Cosines are to sentence-transformers in float32 on the ` +
      "CPU. sentence-transformers with the best of its batch sizes; texts/s against texts a call: " +
      `${plots.join(", ")}.`,
    notes(data.versions, data.missing),
  ].join("\n\n");
}

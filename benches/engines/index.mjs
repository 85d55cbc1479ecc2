// The engines, what each may choose, and how near to the reference its answers have to be before its time counts.
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";

import { engineScript, python, rustProgram } from "../lib/paths.mjs";

/**
 * @typedef {import("../lib/setup.mjs").Model} Model
 *
 * @typedef {object} EngineDefinition
 * @property {string} name
 * @property {"float32" | "int8"} dtype
 * @property {boolean} [ours]
 * @property {boolean} [slow] measured in few rounds
 * @property {number} minCosine of the worst sampled vector to the reference
 * @property {(threads: number) => { command: string, args: string[], env?: Record<string, string> }} start
 * @property {(model: Model) => string | undefined} model what it loads
 * @property {(model: Model) => object[]} settings candidates; the fastest is chosen for each workload
 * @property {(model: Model, threads: number) => string | undefined} [missing] why it can't take part
 */

const FLOAT32 = 0.9999;
const BATCHES = [8, 16, 32, 64];

/** @param {string} script */
const node = (script) => () => ({ command: process.execPath, args: [engineScript(script)] });

/** @param {readonly object[]} choices */
const withBatches = (choices, batches = BATCHES) =>
  choices.flatMap((choice) => batches.map((batch) => ({ ...choice, batch })));

/** @returns {EngineDefinition} */
function onnxruntime(kind, names, dtype, minCosine) {
  const graphs = (model) =>
    names.map((name) => path.join(model.onnx, "graphs", `${name}.onnx`)).filter((file) => existsSync(file));
  return {
    name: `onnxruntime-${kind}`,
    dtype,
    minCosine,
    start: node("onnxruntime.mjs"),
    model: (model) => model.onnx,
    settings: (model) => withBatches(graphs(model).map((graph) => ({ graph }))),
    missing: (model) => (graphs(model).length === 0 ? `no such export of ${model.name}` : undefined),
  };
}

/** @returns {EngineDefinition} */
function transformersJs(kind, dtype, minCosine) {
  return {
    name: `transformers-js-${kind}`,
    dtype,
    minCosine,
    start: node("transformers-js.mjs"),
    model: (model) => path.join(model.onnx, "transformers-js"),
    settings: () => withBatches([{ dtype: kind === "f32" ? "fp32" : "q8" }]),
  };
}

/**
 * Neighbours are measured one after the other: what is compared most stands together.
 *
 * @type {readonly EngineDefinition[]}
 */
export const engines = [
  {
    name: "candle-embed-f32",
    dtype: "float32",
    ours: true,
    minCosine: FLOAT32,
    start: node("candle-embed.mjs"),
    model: (model) => model.f32,
    settings: () => [{}],
  },
  onnxruntime("f32", ["f32", "f32-fused"], "float32", FLOAT32),
  {
    name: "candle-embed-int8",
    dtype: "int8",
    ours: true,
    minCosine: 0.99,
    start: node("candle-embed.mjs"),
    model: (model) => model.int8,
    settings: () => [{}],
  },
  // What integer arithmetic with one scale a tensor costs in quality is reported, not forbidden.
  onnxruntime("int8-tensor", ["int8-tensor", "int8-tensor-fused"], "int8", 0.6),
  onnxruntime("int8-channel", ["int8-channel", "int8-channel-fused"], "int8", 0.9),
  onnxruntime("int8-blocks", ["int8-blocks", "int8-blocks-fused"], "int8", 0.98),
  onnxruntime("int8-weights", ["int8-weights"], "int8", 0.99),
  // Where it cuts a text at the limit it drops [SEP] (4.3.1): 0.9996 for such texts, exact for the others.
  transformersJs("f32", "float32", 0.999),
  transformersJs("q8", "int8", 0.6),
  {
    name: "sentence-transformers",
    dtype: "float32",
    minCosine: FLOAT32,
    start: () => ({ command: python, args: [engineScript("sentence-transformers.py")] }),
    model: (model) => model.f32,
    settings: () => withBatches([{}]),
  },
  {
    name: "fastembed-js",
    dtype: "float32",
    slow: true,
    minCosine: FLOAT32,
    start: node("fastembed-js.mjs"),
    model: (model) => path.join(model.onnx, "fastembed-js"),
    settings: () => withBatches([{}], [16, 64]),
    missing: (_, threads) =>
      threads === availableParallelism() ? undefined : "it has no option for the number of threads",
  },
  {
    name: "candle-transformers",
    dtype: "float32",
    slow: true,
    minCosine: FLOAT32,
    start: (threads) => ({
      command: rustProgram("candle-bert"),
      args: [],
      env: { RAYON_NUM_THREADS: String(threads) },
    }),
    model: (model) => model.f32,
    settings: () => withBatches([{}], [8, 32]),
  },
];

/**
 * The engines that start with one of the comma-separated names; all without it.
 *
 * @param {string | undefined} names
 */
export function chooseEngines(names) {
  if (names === undefined) return [...engines];
  const wanted = names.split(",").map((name) => name.trim());
  for (const name of wanted) {
    if (!engines.some((engine) => engine.name.startsWith(name))) {
      throw new Error(`no engine ${name}; there are: ${engines.map((engine) => engine.name).join(", ")}`);
    }
  }
  return engines.filter((engine) => wanted.some((name) => engine.name.startsWith(name)));
}

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";

import { BATCHES, BERT, FLOAT32, node, PLAIN } from "./definition.mjs";

/** @typedef {import("./definition.mjs").EngineDefinition} EngineDefinition */

/** @returns {EngineDefinition} */
function candleEmbed(name, dtype, minCosine, model, models) {
  return {
    name: `candle-embed-${name}`,
    dtype,
    from: "JavaScript",
    ours: true,
    minCosine,
    models,
    start: node("candle-embed.mjs"),
    model,
    standard: () => ({}),
    settings: () => ({ choices: [], batches: [] }),
  };
}

/** @returns {EngineDefinition} */
function onnxruntime(kind, names, dtype, minCosine) {
  const graphs = (model) =>
    names.map((name) => path.join(model.onnx, "graphs", `${name}.onnx`)).filter((file) => existsSync(file));
  return {
    name: `onnxruntime-${kind}`,
    dtype,
    from: "JavaScript",
    minCosine,
    models: BERT,
    environment: "npm",
    start: node("onnxruntime.mjs"),
    model: (model) => model.onnx,
    standard: (model) => ({ graph: graphs(model)[0], ...PLAIN }),
    settings: (model) => ({ choices: graphs(model).map((graph) => ({ graph })), batches: BATCHES }),
    missing: (model) => (graphs(model).length === 0 ? `there is no such export of ${model.name}` : undefined),
  };
}

/** @returns {EngineDefinition} */
function transformersJs(kind, dtype, minCosine) {
  const settings = { dtype: kind === "f32" ? "fp32" : "q8" };
  return {
    name: `transformers-js-${kind}`,
    dtype,
    from: "JavaScript",
    minCosine,
    models: BERT,
    environment: "npm",
    start: node("transformers-js.mjs"),
    model: (model) => path.join(model.onnx, "transformers-js"),
    standard: () => ({ ...settings, ...PLAIN }),
    settings: () => ({ choices: [settings], batches: BATCHES }),
  };
}

/** @returns {EngineDefinition} */
function nodeLlamaCpp(kind, dtype, minCosine) {
  return {
    name: `node-llama-cpp-${kind === "f32" ? "f32" : "q8"}`,
    dtype,
    from: "JavaScript",
    minCosine,
    models: BERT,
    environment: "npm",
    needs: "gguf",
    start: node("node-llama-cpp.mjs"),
    model: (model) => path.join(model.folder, "gguf", `${kind}.gguf`),
    // Its embedding context takes one text at a time: there is nothing to choose.
    standard: () => ({}),
    settings: () => ({ choices: [], batches: [] }),
  };
}

/** @type {readonly EngineDefinition[]} */
export const engines = [
  candleEmbed("f32", "float32", FLOAT32, (model) => model.f32, BERT),
  onnxruntime("f32", ["f32", "f32-fused"], "float32", FLOAT32),
  candleEmbed("int8", "int8", 0.99, (model) => model.int8, BERT),
  // What integer arithmetic with one scale a tensor costs in quality is reported, not forbidden.
  onnxruntime("int8-tensor", ["int8-tensor", "int8-tensor-fused"], "int8", 0.6),
  onnxruntime("int8-channel", ["int8-channel", "int8-channel-fused"], "int8", 0.9),
  onnxruntime("int8-blocks", ["int8-blocks", "int8-blocks-fused"], "int8", 0.98),
  onnxruntime("int8-weights", ["int8-weights"], "int8", 0.99),
  candleEmbed("static", "float32", FLOAT32, (model) => model.f32, ["static"]),
  // Where it cuts a text at the limit it drops [SEP] (4.3.1): 0.9988 for such texts, exact for the others.
  transformersJs("f32", "float32", 0.998),
  transformersJs("q8", "int8", 0.6),
  nodeLlamaCpp("f32", "float32", FLOAT32),
  nodeLlamaCpp("q8_0", "int8", 0.99),
  {
    name: "fastembed-js",
    dtype: "float32",
    from: "JavaScript",
    minCosine: FLOAT32,
    models: BERT,
    environment: "npm",
    start: node("fastembed-js.mjs"),
    model: (model) => path.join(model.onnx, "fastembed-js"),
    standard: () => ({ batch: 256 }),
    settings: () => ({ choices: [{}], batches: [16, 64] }),
    missing: (_, threads) =>
      threads === availableParallelism() ? undefined : "it has no option for the number of threads",
  },
];

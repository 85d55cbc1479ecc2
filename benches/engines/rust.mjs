import path from "node:path";

import { rustProgram } from "../lib/paths.mjs";
import { BATCHES, BERT, FLOAT32, PLAIN } from "./definition.mjs";

/** @param {string} program */
const rust = (program) => (threads) => ({
  command: rustProgram(program),
  args: [],
  env: { RAYON_NUM_THREADS: String(threads) },
});

/** @returns {import("./definition.mjs").EngineDefinition} */
function rten(kind, dtype, minCosine) {
  const graph = (model) => path.join(model.onnx, "graphs", `${kind}.onnx`);
  return {
    name: `rten-${kind}`,
    dtype,
    from: "Rust",
    minCosine,
    models: BERT,
    environment: "rust-peers",
    start: rust("rten"),
    model: (model) => model.onnx,
    standard: (model) => ({ graph: graph(model), ...PLAIN }),
    settings: (model) => ({ choices: [{ graph: graph(model) }], batches: BATCHES }),
  };
}

/** @type {readonly import("./definition.mjs").EngineDefinition[]} */
export const engines = [
  {
    name: "candle-transformers",
    dtype: "float32",
    from: "Rust",
    minCosine: FLOAT32,
    models: BERT,
    environment: "rust",
    start: rust("candle-bert"),
    model: (model) => model.f32,
    standard: () => PLAIN,
    settings: () => ({ choices: [{}], batches: [8] }),
  },
  rten("f32", "float32", FLOAT32),
  rten("int8-channel", "int8", 0.9),
  {
    name: "lattice",
    dtype: "float32",
    from: "Rust",
    minCosine: FLOAT32,
    models: BERT,
    environment: "rust-peers",
    start: rust("lattice"),
    model: (model) => model.f32,
    standard: () => PLAIN,
    settings: () => ({ choices: [{}], batches: BATCHES }),
  },
  {
    name: "model2vec-rs",
    dtype: "float32",
    from: "Rust",
    minCosine: FLOAT32,
    models: ["static"],
    environment: "rust-peers",
    start: rust("model2vec"),
    model: (model) => model.f32,
    // `encode` takes all texts as one batch; one that holds the file is that.
    standard: () => ({ batch: 1_000_000, sorted: false }),
    settings: () => ({ choices: [], batches: [] }),
  },
];

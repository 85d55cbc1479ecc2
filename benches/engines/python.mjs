import path from "node:path";

import { engineScript, python, pythonPackages } from "../lib/paths.mjs";
import { BATCHES, BERT, FLOAT32 } from "./definition.mjs";

/** @typedef {import("./definition.mjs").EngineDefinition} EngineDefinition */

/**
 * A script in the environment of Python; packages of a folder of their own come first.
 *
 * @param {string} script
 * @param {string} [folder]
 */
const run = (script, folder) => () => ({
  command: python,
  args: [engineScript(script)],
  ...(folder !== undefined && { env: { PYTHONPATH: pythonPackages(folder) } }),
});

/**
 * sentence-transformers sorts by itself; 32 is its default.
 *
 * @returns {EngineDefinition}
 */
function sentenceTransformers(name, { backend, files = [undefined], dtype, minCosine, needs, environment }) {
  const choices = files.map((file) => ({ backend, ...(file !== undefined && { file }) }));
  return {
    name: `sentence-transformers${name}`,
    dtype,
    from: "Python",
    minCosine,
    models: needs === undefined ? BERT : ["minilm"],
    environment,
    needs,
    start: run("sentence-transformers.py", backend === "torch" ? undefined : backend),
    model: (model) => (needs === undefined ? model.f32 : path.join(model.folder, needs)),
    standard: () => ({ ...choices[0], batch: 32 }),
    settings: () => ({ choices: choices.slice(0, 1), batches: BATCHES }),
  };
}

const onnx = {
  backend: "onnx",
  needs: /** @type {const} */ ("sentence-transformers-onnx"),
  environment: /** @type {const} */ ("python-onnx"),
};
const openvino = {
  backend: "openvino",
  needs: /** @type {const} */ ("sentence-transformers-openvino"),
  environment: /** @type {const} */ ("python-openvino"),
};

/** @type {readonly EngineDefinition[]} */
export const engines = [
  sentenceTransformers("", {
    backend: "torch",
    dtype: "float32",
    minCosine: FLOAT32,
    environment: "python",
  }),
  // O3 is the fastest float32 of its page on efficiency.
  sentenceTransformers("-onnx", {
    ...onnx,
    files: ["onnx/model_O3.onnx"],
    dtype: "float32",
    // O3 approximates GELU.
    minCosine: 0.999,
  }),
  sentenceTransformers("-onnx-int8", {
    ...onnx,
    files: ["onnx/model_qint8.onnx"],
    dtype: "int8",
    minCosine: 0.6,
  }),
  sentenceTransformers("-openvino", {
    ...openvino,
    files: ["openvino/openvino_model.xml"],
    dtype: "float32",
    minCosine: FLOAT32,
  }),
  sentenceTransformers("-openvino-int8", {
    ...openvino,
    files: ["openvino/openvino_model_qint8_quantized.xml"],
    dtype: "int8",
    minCosine: 0.6,
  }),
  {
    name: "fastembed-python",
    dtype: "float32",
    from: "Python",
    minCosine: FLOAT32,
    models: BERT,
    environment: "python",
    start: run("fastembed-python.py"),
    model: (model) => path.join(model.onnx, "transformers-js"),
    standard: (model) => ({ dimensions: model.shape.hidden, batch: 256, sorted: false }),
    settings: (model) => ({ choices: [{ dimensions: model.shape.hidden }], batches: BATCHES }),
  },
  {
    name: "embed-anything",
    dtype: "float32",
    from: "Python",
    minCosine: FLOAT32,
    models: BERT,
    environment: "python-embed-anything",
    needs: "hub-cache",
    start: (threads) => ({
      command: python,
      args: [engineScript("embed-anything.py")],
      env: { PYTHONPATH: pythonPackages("embed-anything"), RAYON_NUM_THREADS: String(threads) },
    }),
    model: (model) => path.join(model.folder, "hub-cache"),
    standard: () => ({ batch: 32, sorted: false }),
    settings: () => ({ choices: [{}], batches: [8] }),
  },
  {
    name: "model2vec-python",
    dtype: "float32",
    from: "Python",
    minCosine: FLOAT32,
    models: ["static"],
    environment: "python",
    start: run("model2vec-python.py"),
    model: (model) => model.f32,
    standard: () => ({ batch: 1024, sorted: false }),
    settings: () => ({ choices: [], batches: [] }),
  },
];

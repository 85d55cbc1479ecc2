import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { getOnnxEngines } from "../../scripts/get-onnx-engines.mjs";
import { root } from "../native/support.js";

const engines = await getOnnxEngines();

/** Why transformers.js and fastembed-js cannot be had here. */
export const noEngines = engines.reason;

/** The folder of modules that has them. */
export function enginesFolder(): string {
  if (engines.path === undefined) throw new Error(engines.reason);
  return path.join(engines.path, "node_modules");
}

/** Writes a BERT folder as an ONNX model: the same weights for transformers.js and fastembed-js. */
export async function makeOnnx(model: string, target: string): Promise<void> {
  if (engines.path === undefined) throw new Error(engines.reason);
  const { python, pythonPath } = engines;
  await promisify(execFile)(python, [path.join(root, "scripts/make-onnx.py"), model, target], {
    env: { ...process.env, PYTHONPATH: pythonPath },
  });
}

import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll } from "vitest";

import { WasmBackend, type ModelFiles, type WasmOptions } from "@candle-embed/wasm";
import { root } from "../native/support.js";

/** Why the tests of the package cannot run, where it has not been built: that takes a toolchain for WebAssembly. */
export const notBuilt = existsSync(path.join(root, "npm/wasm/dist/wasm/node.js"))
  ? undefined
  : "npm/wasm is not built: npm run build:wasm";

/** Part of a test's name that says why it is skipped. */
export function reason(skipped: string | undefined): string {
  return skipped === undefined ? "" : ` (skipped: ${skipped})`;
}

/** Loads a model for one test file. */
export async function loadWasm(
  model?: string | URL | ModelFiles,
  options?: WasmOptions,
): Promise<WasmBackend> {
  const backend = await WasmBackend.load(model, options);
  afterAll(() => backend.dispose());
  return backend;
}

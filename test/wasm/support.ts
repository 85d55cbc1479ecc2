import { afterAll } from "vitest";

import { WasmBackend, type ModelFiles, type WasmOptions } from "@candle-embed/wasm";

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

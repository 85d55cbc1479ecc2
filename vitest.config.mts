import { existsSync } from "node:fs";
import { configDefaults, defineConfig } from "vitest/config";

// These import the package @candle-embed/wasm, which takes a toolchain for WebAssembly to build.
const ofWasm = "test/wasm/!(engine-ends).test.ts";
const wasmIsBuilt = existsSync("npm/wasm/dist/wasm/node.js");
if (!wasmIsBuilt) console.warn(`${ofWasm}: left out, npm/wasm is not built (npm run build:wasm)`);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...(wasmIsBuilt ? [] : [ofWasm])],
    // The addon belongs to processes here; tests that need worker threads start their own.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

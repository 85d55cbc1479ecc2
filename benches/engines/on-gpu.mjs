// The engines that are measured on a GPU, and what they are told.
import { engineScript, python } from "../lib/paths.mjs";

/** The least cosine of half precision to float32. */
const HALF = 0.9995;

/** Batches that sentence-transformers may choose from. */
export const GPU_BATCHES = [32, 64, 128, 256, 512, 1024];

/**
 * candle-embed and sentence-transformers in the same arithmetic on the same device.
 *
 * @param {string} device as candle-embed calls it
 * @returns {readonly (import("./definition.mjs").EngineDefinition & { batches: readonly (number | undefined)[] })[]}
 */
export function enginesOn(device) {
  const dtype = device === "cpu" ? "float32" : "float16";
  const common = { dtype, minCosine: HALF, models: /** @type {const} */ (["minilm", "base-shape"]) };
  const torchDevice = device === "metal" ? "mps" : device;
  return [
    {
      ...common,
      name: "candle-embed",
      from: "JavaScript",
      ours: true,
      // Its batches are its own affair.
      batches: [undefined],
      start: () => ({ command: process.execPath, args: [engineScript("candle-embed.mjs")] }),
      model: ({ f32 }) => f32,
      standard: () => ({ device, dtype }),
      settings: () => ({ choices: [], batches: [] }),
    },
    {
      ...common,
      name: "sentence-transformers",
      from: "Python",
      batches: GPU_BATCHES,
      start: () => ({
        command: python,
        args: [engineScript("sentence-transformers.py")],
        env: { BENCH_GPU: "1" },
      }),
      model: ({ f32 }) => f32,
      standard: () => ({ backend: "torch", device: torchDevice, dtype, batch: 32 }),
      settings: () => ({ choices: [{ backend: "torch" }], batches: GPU_BATCHES }),
    },
  ];
}

// @huggingface/transformers, its feature-extraction pipeline. In its favour: batches are sorted by length.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { env, pipeline } from "@huggingface/transformers";

import { batches, serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
env.allowRemoteModels = false;

/** @type {import("@huggingface/transformers").FeatureExtractionPipeline} */
let extractor;
const options = { pooling: "mean", normalize: true };

function version(name) {
  const entry = require.resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`node_modules${path.sep}`));
  return JSON.parse(readFileSync(path.join(folder, "node_modules", name, "package.json"), "utf8")).version;
}

await serve({
  async load({ model, threads, settings }) {
    env.localModelPath = path.dirname(model);
    extractor = await pipeline("feature-extraction", path.basename(model), {
      dtype: settings.dtype,
      device: "cpu",
      session_options: { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 },
    });
    return {
      versions: {
        "@huggingface/transformers": version("@huggingface/transformers"),
        "onnxruntime-node": version("onnxruntime-node"),
      },
    };
  },
  async embed(workload, settings) {
    const { texts } = workload;
    let vectors;
    for (const indices of batches(workload, settings)) {
      const { data, dims } = await extractor(
        indices.map((i) => texts[i]),
        options,
      );
      const dimensions = dims[1];
      vectors ??= new Float32Array(texts.length * dimensions);
      indices.forEach((index, i) => {
        vectors.set(data.subarray(i * dimensions, (i + 1) * dimensions), index * dimensions);
      });
    }
    return vectors;
  },
  one: ({ texts }, index) => extractor([texts[index]], options),
});

// fastembed (JavaScript) with a model folder of one's own. It takes the vector of [CLS] whatever the model says; its graph
// here has the pooled vector in that place. It pads every text to the limit and has no option for threads.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
const { EmbeddingModel, FlagEmbedding } = require("fastembed");

let model;

await serve({
  async load({ model: folder, limit }) {
    model = await FlagEmbedding.init({
      model: EmbeddingModel.CUSTOM,
      modelAbsoluteDirPath: folder,
      modelName: "model.onnx",
      maxLength: limit,
    });
    // Its package.json is not among its exports.
    const manifest = path.join(path.dirname(require.resolve("fastembed")), "..", "..", "package.json");
    return { versions: { fastembed: JSON.parse(readFileSync(manifest, "utf8")).version } };
  },
  // It pads to the limit whatever the neighbours: sorting would change nothing.
  async embed({ texts }, { batch }) {
    let vectors;
    let row = 0;
    for await (const part of model.embed(texts, batch)) {
      for (const vector of part) {
        vectors ??= new Float32Array(texts.length * vector.length);
        vectors.set(vector, row++ * vector.length);
      }
    }
    return vectors;
  },
  one: ({ texts }, index) => model.embed([texts[index]]).next(),
});

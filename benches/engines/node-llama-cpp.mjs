// node-llama-cpp with its prebuilt binary. Its embedding context takes one text at a time.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { getLlama, LlamaLogLevel } from "node-llama-cpp";

import { serve } from "./serve.mjs";

let context;
let limit;
let model;

/** Its context refuses longer texts; cutting is left to the caller. The tokens are those between [CLS] and [SEP]. */
function cut(text) {
  const tokens = model.tokenize(text);
  return tokens.length <= limit - 2 ? tokens : tokens.slice(0, limit - 2);
}

await serve({
  async load(request) {
    limit = request.limit;
    const llama = await getLlama({
      gpu: false,
      build: "never",
      skipDownload: true,
      maxThreads: request.threads,
      logLevel: LlamaLogLevel.error,
    });
    model = await llama.loadModel({ modelPath: request.model });
    context = await model.createEmbeddingContext({
      contextSize: limit + 2,
      batchSize: limit + 2,
      threads: request.threads,
    });
    // Its package.json is not among its exports.
    const manifest = new URL("../package.json", import.meta.resolve("node-llama-cpp"));
    const { version } = JSON.parse(readFileSync(fileURLToPath(manifest), "utf8"));
    return { versions: { "node-llama-cpp": version } };
  },
  async embed({ texts }) {
    let vectors;
    for (const [row, text] of texts.entries()) {
      const { vector } = await context.getEmbeddingFor(cut(text));
      vectors ??= new Float32Array(texts.length * vector.length);
      vectors.set(vector, row * vector.length);
    }
    return unit(vectors, vectors.length / texts.length);
  },
  one: ({ texts }, index) => context.getEmbeddingFor(cut(texts[index])),
});

/** llama.cpp pools; the length is left to the caller. */
function unit(vectors, dimensions) {
  for (let start = 0; start < vectors.length; start += dimensions) {
    const row = vectors.subarray(start, start + dimensions);
    const length = Math.hypot(...row);
    for (let i = 0; i < dimensions; i++) row[i] /= length;
  }
  return vectors;
}

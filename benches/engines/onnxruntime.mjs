// onnxruntime-node. In its favour: token ids come ready-made, pooling is in the graph, batches are sorted by length.
import { createRequire } from "node:module";

import { batches, serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
const ort = require("onnxruntime-node");

/** @type {Map<string, import("onnxruntime-node").InferenceSession>} */
const sessions = new Map();
let threads = 0;

async function session(graph) {
  if (!sessions.has(graph)) {
    const options = { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: "all" };
    sessions.set(graph, await ort.InferenceSession.create(graph, { ...options, logSeverityLevel: 3 }));
  }
  return sessions.get(graph);
}

/** The vectors of a padded batch. */
async function forward(graph, tokens) {
  const width = Math.max(...tokens.map((ids) => ids.length));
  const shape = [tokens.length, width];
  const size = tokens.length * width;
  const [ids, mask, types] = [0, 1, 2].map(() => new BigInt64Array(size));
  // Numbers written into the low halves: a BigInt for each token would take longer.
  const [idWords, maskWords] = [ids, mask].map((array) => new Int32Array(array.buffer));
  tokens.forEach((row, i) => {
    for (let j = 0; j < row.length; j++) {
      idWords[2 * (i * width + j)] = row[j];
      maskWords[2 * (i * width + j)] = 1;
    }
  });
  const feeds = {
    input_ids: new ort.Tensor("int64", ids, shape),
    attention_mask: new ort.Tensor("int64", mask, shape),
    token_type_ids: new ort.Tensor("int64", types, shape),
  };
  const { sentence_embedding } = await (await session(graph)).run(feeds);
  return sentence_embedding;
}

await serve({
  wantsTokens: true,
  async load(request) {
    threads = request.threads;
    await session(request.settings.graph);
    return { versions: { "onnxruntime-node": require("onnxruntime-node/package.json").version } };
  },
  async embed(workload, settings) {
    const { tokens } = workload;
    const { graph } = settings;
    await session(graph);
    let vectors;
    for (const indices of batches(workload, settings)) {
      const { data, dims } = await forward(
        graph,
        indices.map((i) => tokens[i]),
      );
      const dimensions = dims[1];
      vectors ??= new Float32Array(tokens.length * dimensions);
      indices.forEach((index, i) => {
        vectors.set(data.subarray(i * dimensions, (i + 1) * dimensions), index * dimensions);
      });
    }
    return vectors;
  },
  one: ({ tokens }, index, { graph }) => forward(graph, [tokens[index]]),
});

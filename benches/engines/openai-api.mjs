// A server that the user runs (Text Embeddings Inference, Ollama, anything with OpenAI's /v1/embeddings), asked over HTTP.
import { Buffer } from "node:buffer";

import { batches, serve } from "./serve.mjs";

let url;
let model;

/** The vectors of some texts, row by row. */
async function request(input) {
  const response = await fetch(`${url}/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, input, encoding_format: "base64" }),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${(await response.text()).slice(0, 300)}`);
  const { data } = await response.json();
  if (data.length !== input.length) throw new Error(`${data.length} vectors for ${input.length} texts`);
  return data
    .sort((a, b) => a.index - b.index)
    .map(({ embedding }) =>
      typeof embedding === "string"
        ? new Float32Array(Uint8Array.from(Buffer.from(embedding, "base64")).buffer)
        : embedding,
    );
}

await serve({
  async load(request_) {
    url = request_.model.replace(/\/+$/, "");
    model = request_.settings.model;
    await request(["ready?"]);
    return { versions: {} };
  },
  async embed(workload, settings) {
    let vectors;
    for (const indices of batches(workload, settings)) {
      const rows = await request(indices.map((i) => workload.texts[i]));
      vectors ??= new Float32Array(workload.texts.length * rows[0].length);
      indices.forEach((index, i) => vectors.set(rows[i], index * rows[i].length));
    }
    return vectors;
  },
  one: ({ texts }, index) => request([texts[index]]),
  // The server's memory is not this process's.
  memory: () => Promise.reject(new Error("a server's memory is not seen from here")),
});

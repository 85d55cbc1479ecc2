// transformers.js behind node:http, as its guide to server-side inference has it: one pipeline, one call a request.
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import path from "node:path";

import { env, pipeline } from "@huggingface/transformers";

const { MODEL, THREADS, DTYPE, PORT } = process.env;
env.allowRemoteModels = false;
env.localModelPath = path.dirname(MODEL);
const extract = await pipeline("feature-extraction", path.basename(MODEL), {
  dtype: DTYPE,
  device: "cpu",
  session_options: { intraOpNumThreads: Number(THREADS), interOpNumThreads: 1, logSeverityLevel: 3 },
});

async function embed(body) {
  const { input, model } = JSON.parse(body);
  const texts = Array.isArray(input) ? input : [input];
  const vectors = (await extract(texts, { pooling: "mean", normalize: true })).tolist();
  const data = vectors.map((embedding, index) => ({ object: "embedding", index, embedding }));
  return JSON.stringify({ object: "list", data, model });
}

createServer((request, response) => {
  if (request.method === "GET") return response.end();
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    embed(Buffer.concat(chunks).toString()).then(
      (text) => response.setHeader("Content-Type", "application/json").end(text),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
}).listen(Number(PORT), "127.0.0.1");

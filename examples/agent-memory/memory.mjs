// node memory.mjs remember FACT | recall QUESTION
//
// MEMORY names the file (memory.jsonl). EMBEDDING_PROVIDER and its like say where vectors come from.
import { appendFile, readFile } from "node:fs/promises";

import { backendFromEnv, CandleEmbedError, topK } from "candle-embed";

const file = process.env.MEMORY ?? "memory.jsonl";

/** What was remembered: facts, and their vectors as one array. */
async function readMemory(backend) {
  const text = await readFile(file, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const records = text.split("\n").filter(Boolean).map(JSON.parse);
  const stranger = records.find(({ space }) => space !== backend.space.id);
  if (stranger !== undefined) {
    throw new CandleEmbedError(
      "SPACE_MISMATCH",
      `"${stranger.fact}" in ${file} was embedded with another model than ${backend.modelId}`,
    );
  }
  // Copied: small buffers are parts of a larger one.
  const vectors = records.map(
    ({ vector }) => new Float32Array(Uint8Array.from(Buffer.from(vector, "base64")).buffer),
  );
  return { facts: records.map(({ fact }) => fact), vectors };
}

async function remember(backend, fact) {
  await readMemory(backend);
  const { data } = await backend.embedDocuments([fact]);
  const vector = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
  await appendFile(file, `${JSON.stringify({ fact, space: backend.space.id, vector })}\n`);
}

async function recall(backend, question) {
  const { facts, vectors } = await readMemory(backend);
  const { data, backend: who } = await backend.embed([question], { inputType: "query" });
  for (const { index, score } of topK(data, vectors, 3)) console.log(score.toFixed(2), facts[index]);
  console.error(`answered by ${who}`);
}

const actions = { remember, recall };
const [name, text] = process.argv.slice(2);
if (actions[name] === undefined || text === undefined) {
  console.error("usage: node memory.mjs remember FACT | recall QUESTION");
  process.exit(2);
}
const backend = await backendFromEnv({ fallback: { logger: console } });
try {
  await actions[name](backend, text);
} catch (error) {
  if (!CandleEmbedError.isInstance(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await backend.dispose();
}

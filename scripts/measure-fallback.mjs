// What FallbackBackend adds to a healthy local call, and how long a killed API is noticed: `node scripts/measure-fallback.mjs`.
// The local side is a stub that answers at once, so that the difference is the wrapper's own.
import { Buffer } from "node:buffer";
import http from "node:http";

import { ApiBackend, Embeddings, FallbackBackend } from "candle-embed";

const dimensions = 384;
const calls = 200_000;

function stub(id) {
  const data = new Float32Array(dimensions).fill(1 / Math.sqrt(dimensions));
  const modelId = "stub";
  return {
    modelId,
    revision: "1",
    dimensions,
    maxTokens: 256,
    space: { id, modelId, revision: "1", dimensions, pooling: "mean", normalized: true, prompts: {} },
    embed: async (texts) =>
      new Embeddings({
        data: texts.length === 1 ? data : Float32Array.from(texts.flatMap(() => [...data])),
        dimensions,
        tokens: new Uint32Array(texts.length),
        truncated: [],
        backend: "native",
      }),
    dispose: async () => undefined,
  };
}

async function perCall(backend) {
  const texts = ["a text"];
  const start = performance.now();
  for (let i = 0; i < calls; i++) await backend.embed(texts);
  return ((performance.now() - start) / calls) * 1000;
}

async function overhead() {
  const local = stub("ab".repeat(32));
  const wrapped = await FallbackBackend.create([local, stub("ab".repeat(32))]);
  const rounds = [];
  for (let round = 0; round < 7; round++) {
    const alone = await perCall(local);
    rounds.push((await perCall(wrapped)) - alone);
  }
  const sorted = rounds.slice(2).sort((a, b) => a - b);
  console.log(
    `wrapper on a healthy local call: median ${sorted[2].toFixed(2)} µs of ${calls} calls, 5 rounds`,
  );
}

function serve(port) {
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { input } = JSON.parse(Buffer.concat(chunks).toString());
      const embedding = new Array(dimensions).fill(1 / Math.sqrt(dimensions));
      response.end(JSON.stringify({ data: input.map((_, index) => ({ index, embedding })) }));
    });
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

/** One call after the other; an API that is killed after 300 and back 2 s later. Default options. */
async function killed() {
  let server = await serve(0);
  const { port } = server.address();
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const api = await ApiBackend.connect({ baseUrl, model: "stub", dimensions });
  const backend = await FallbackBackend.create([api, stub("ab".repeat(32))]);
  const times = { killed: 0, firstLocal: 0, steadyLocal: 0, back: 0, apiAgain: 0 };
  let done = 0;
  for (; times.apiAgain === 0; done++) {
    if (done === 300) {
      server.close();
      server.closeAllConnections();
      times.killed = performance.now();
    }
    const start = performance.now();
    const { backend: who } = await backend.embed(["a text"]);
    const now = performance.now();
    if (who === "native" && times.firstLocal === 0) times.firstLocal = now;
    if (who === "native" && times.steadyLocal === 0 && now - start < 5) times.steadyLocal = now;
    if (times.steadyLocal > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    if (times.back === 0 && times.killed > 0 && now - times.killed > 8_000) {
      server = await serve(port);
      times.back = performance.now();
    }
    if (who === "api" && times.back > 0) times.apiAgain = now;
  }
  const since = (from, to) => `${((to - from) / 1000).toFixed(2)} s`;
  console.log(`API killed: first local answer after ${since(times.killed, times.firstLocal)}`);
  console.log(`            local answers without delay after ${since(times.killed, times.steadyLocal)}`);
  console.log(`API back:   used again after ${since(times.back, times.apiAgain)}`);
  console.log(`calls: ${done}, all answered`);
  server.close();
  await backend.dispose();
}

await overhead();
await killed();

import { createRequire } from "node:module";

import { header, number, origin, table, write } from "../lib/report.mjs";
import { median, summary } from "../lib/stats.mjs";
import { evenly, readTexts } from "../lib/workloads.mjs";

const TEXTS = 1000;

/**
 * What the adapters add to a call of the backend: 1,000 short texts through each, right beside the same texts through the
 * backend itself, now the one first and now the other.
 *
 * @param {object} options see run.mjs
 */
export async function adapters(options) {
  const { threads, quick, machine } = options;
  const rounds = options.rounds ?? (quick ? 2 : 11);
  const require = createRequire(import.meta.url);
  const { NativeBackend } = require("../../dist/index.js");
  const backend = await NativeBackend.load(undefined, { threads });
  const texts = evenly(readTexts(options.data, "short"), quick ? 100 : TEXTS);
  const calls = await prepareCalls(require, backend, texts);

  const plain = async () => backend.embedDocuments(texts);
  const times = Object.fromEntries(Object.keys(calls).map((name) => [name, { ratios: [], added: [] }]));
  for (const call of [plain, ...Object.values(calls)]) await call();
  for (let round = 0; round < rounds; round++) {
    for (const [name, call] of Object.entries(calls)) {
      const order = round % 2 === 0 ? [plain, call] : [call, plain];
      const measured = new Map();
      for (const each of order) {
        const start = performance.now();
        await each();
        measured.set(each, performance.now() - start);
      }
      times[name].ratios.push(measured.get(call) / measured.get(plain));
      times[name].added.push(measured.get(call) - measured.get(plain));
    }
  }
  await backend.dispose();

  const rows = Object.entries(times).map(([name, { ratios, added }]) => ({
    name,
    ratio: summary(ratios),
    addedMs: median(added),
  }));
  const model = { name: "minilm" };
  const body = [
    `## Adapters: a call of ${texts.length} short texts (int8)`,
    origin(machine, { ...options, model: model.name }),
    table(
      ["call", "times the backend's", "least", "most", "added, ms"],
      rows.map(({ name, ratio, addedMs }) => [
        name,
        ...[ratio.median, ratio.min, ratio.max].map((value) => value.toFixed(3)),
        number(addedMs),
      ]),
    ),
    `Medians of ${rounds} rounds. "toArrays" is the backend and its vectors as plain arrays, which most libraries want.`,
  ].join("\n\n");
  write(options.out, "adapters-minilm", { ...header("adapters", { ...options, model }), rows }, body);
}

/** A call of each adapter with the same texts. */
async function prepareCalls(require, backend, texts) {
  const adapter = (name) => require(`../../dist/adapters/${name}/index.js`);
  const langchain = new (adapter("langchain").CandleEmbeddings)({ backend });
  const model = adapter("ai-sdk").embeddingModel({ backend });
  const llamaindex = new (adapter("llamaindex").CandleEmbedding)({ backend });
  const chroma = new (adapter("chroma").CandleEmbeddingFunction)({ backend });
  const lancedb = await adapter("lancedb").CandleEmbeddingFunction.create({ backend });
  const orama = adapter("orama").pluginCandleEmbed({ backend, text: ["text"] });
  const extractor = await adapter("transformers").pipeline("feature-extraction", null, { backend });
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ apiKey: "unused", fetch: adapter("openai").openaiFetch({ backend }) });
  const { toPgVector, toQdrantPoints } = adapter("vector-stores");
  const ids = texts.map((_, index) => index);
  return {
    toArrays: async () => (await backend.embedDocuments(texts)).toArrays(),
    langchain: () => langchain.embedDocuments(texts),
    "ai-sdk": () => model.doEmbed({ values: texts, providerOptions: { "candle-embed": { inputType: "document" } } }),
    llamaindex: () => llamaindex.getTextEmbeddings(texts),
    chroma: () => chroma.generate(texts),
    lancedb: () => lancedb.computeSourceEmbeddings(texts),
    orama: () => orama.embed(texts.map((text) => ({ text }))),
    transformers: () => extractor(texts, { pooling: "mean", normalize: true }),
    "openai, with its client": () => client.embeddings.create({ model: backend.modelId, input: texts }),
    "pgvector's text": async () => Array.from(await backend.embedDocuments(texts), toPgVector),
    "Qdrant's points": async () => toQdrantPoints(await backend.embedDocuments(texts), { ids }),
  };
}

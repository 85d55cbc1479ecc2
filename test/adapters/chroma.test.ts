import { createRequire } from "node:module";
import { knownEmbeddingFunctions } from "chromadb";
import { describe, expect, it, vi } from "vitest";

import { NativeBackend } from "candle-embed";
import { CandleEmbeddingFunction } from "candle-embed/chroma";

import { noChroma, startChroma } from "./chroma-server.js";
import { finished, loadPrompted, noting, promptedModel, startNode, texts, tinyModel } from "./support.js";

const { backend, documents, query } = await loadPrompted();
const ids = texts.map((_, index) => String(index));

it("gives the backend's vectors as plain arrays, with the prompt of each kind", async () => {
  const embed = new CandleEmbeddingFunction({ backend });
  expect(await embed.generate(texts)).toEqual(documents);
  expect(await embed.generateForQueries([texts[0] as string])).toEqual([query]);
});

it("registers itself in Chroma as a program imports it, and as one requires it", () => {
  expect(knownEmbeddingFunctions.get("candle-embed")).toBe(CandleEmbeddingFunction);
  const require = createRequire(import.meta.url);
  const required = require("candle-embed/chroma") as { CandleEmbeddingFunction: unknown };
  const chroma = require("chromadb") as { knownEmbeddingFunctions: Map<string, unknown> };
  expect(chroma.knownEmbeddingFunctions.get("candle-embed")).toBe(required.CandleEmbeddingFunction);
});

it("stores the model, its space once it is known, and what calls ask for", async () => {
  const options = { model: promptedModel, dimensions: 8, cutWithoutMatryoshka: true };
  const embed = new CandleEmbeddingFunction({ ...options, load: { threads: 1 } });
  expect(embed.getConfig()).toEqual(options);
  const [vector] = await embed.generate(["a"]);
  expect(embed.getConfig()).toEqual({ ...options, space: backend.space.id });
  const again = CandleEmbeddingFunction.buildFromConfig(
    JSON.parse(JSON.stringify(embed.getConfig())) as Record<string, unknown>,
  );
  expect(await again.generate(["a"])).toEqual([vector]);
  expect(again.getConfig()).toEqual(embed.getConfig());
  expect(new CandleEmbeddingFunction().getConfig()).toEqual({ model: "all-MiniLM-L6-v2" });
});

it("refuses updates that would mix vectors, and configurations of something else", () => {
  const embed = new CandleEmbeddingFunction({ backend });
  const config = { ...embed.getConfig() };
  expect(() => {
    embed.validateConfigUpdate({ ...config, truncate: "start" });
  }).not.toThrow();
  for (const change of [{ model: "other" }, { space: "other" }, { dimensions: 8 }, { normalize: false }]) {
    expect(() => {
      embed.validateConfigUpdate({ ...config, ...change });
    }).toThrow(/make a new collection/);
  }
  expect(() => {
    embed.validateConfig({ api_key: "x" });
  }).toThrow(/unknown option "api_key"/);
});

describe.skipIf(noChroma !== undefined)(`with Chroma's server ${noChroma ?? ""}`, async () => {
  const { client, port } = noChroma === undefined ? await startChroma() : { client: undefined, port: 0 };
  const chroma = client as NonNullable<typeof client>;

  it("a collection embeds what is added and asked", async () => {
    const { backend: noted, calls } = noting(backend);
    const embeddingFunction = new CandleEmbeddingFunction({ backend: noted });
    const collection = await chroma.createCollection({ name: "passed", embeddingFunction });
    await collection.add({ ids, documents: texts.map((text) => text || "-") });
    const found = await collection.query({ queryTexts: [texts[0] as string], nResults: 1 });
    expect(found.ids[0]).toHaveLength(1);
    expect(calls.map(({ options }) => options?.["inputType"])).toEqual(["document", "query"]);
    const stored = await collection.get({ ids: ["0"], include: ["embeddings"] });
    // For cosine Chroma normalises once more, which moves last digits.
    documents[0]?.forEach((value, at) => expect(stored.embeddings[0]?.[at]).toBeCloseTo(value, 6));
    expect(collection.configuration.hnsw?.space).toBe("cosine");
  });

  it("getCollection finds the function, and loads its model once", async () => {
    const load = vi.spyOn(NativeBackend, "load");
    const embeddingFunction = new CandleEmbeddingFunction({ model: tinyModel });
    await chroma.createCollection({ name: "kept", embeddingFunction });
    for (let i = 0; i < 2; i++) {
      const collection = await chroma.getCollection({ name: "kept" });
      expect(collection.embeddingFunction).toBeInstanceOf(CandleEmbeddingFunction);
      await collection.upsert({ ids: ["0"], documents: ["a text"] });
    }
    expect(load).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
  });

  it("another program that imports the module finds it too", async () => {
    const program = `
      import { ChromaClient } from "chromadb";
      import "candle-embed/chroma";
      const client = new ChromaClient({ host: "127.0.0.1", port: ${String(port)} });
      const collection = await client.getCollection({ name: "kept" });
      const found = await collection.query({ queryTexts: ["a text"], nResults: 1 });
      console.log(found.ids[0][0], Math.abs(found.distances[0][0]) < 1e-6);
    `;
    expect(await finished(startNode(program))).toMatchObject({ code: 0, stdout: "0 true\n", stderr: "" });
  });
});

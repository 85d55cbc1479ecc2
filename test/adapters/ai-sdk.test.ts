import { embed, embedMany } from "ai";
import { embed as embed7, embedMany as embedMany7 } from "ai-7";
import { expect, it } from "vitest";

import { ApiBackend } from "candle-embed";
import { embeddingModel, type CandleEmbeddingModel } from "candle-embed/ai-sdk";

import { loadPrompted, noting, texts } from "./support.js";

// Models of v2 are warned about on the console.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

const { backend, query } = await loadPrompted();
const plain = await backend.embed(texts);
const vectors = plain.toArrays();
const tokens = plain.tokens.reduce((sum, each) => sum + each, 0);

it.each(["v2", "v3"] as const)("ai 6 takes a model of %s", async (specification) => {
  const { backend: noted, calls } = noting(backend);
  const model = embeddingModel({ backend: noted, specification }) as CandleEmbeddingModel<"v3">;
  const result = await embedMany({ model, values: texts });
  expect(result.embeddings).toEqual(vectors);
  expect(result.usage.tokens).toBe(tokens);
  expect(calls).toHaveLength(1);
  expect((await embed({ model, value: texts[1] as string })).embedding).toEqual(vectors[1]);
});

it.each(["v2", "v3", "v4"] as const)("ai 7 takes a model of %s", async (specification) => {
  const model = embeddingModel({ backend, specification }) as CandleEmbeddingModel;
  const result = await embedMany7({ model, values: texts });
  expect(result.embeddings).toEqual(vectors);
  expect(result.usage.tokens).toBe(tokens);
  expect(result.providerMetadata).toEqual({ "candle-embed": { backend: "native", truncated: [] } });
  expect((await embed7({ model, value: texts[1] as string })).embedding).toEqual(vectors[1]);
});

it("takes the prompts and options that a call asks for", async () => {
  const model = embeddingModel({ backend });
  const how = (options: Record<string, string | boolean>) => ({
    model,
    value: texts[0] as string,
    providerOptions: { "candle-embed": options },
  });
  expect((await embed7(how({ inputType: "query" }))).embedding).toEqual(query);
  expect((await embed7(how({ prompt: "represent this: " }))).embedding).toEqual(query);
  const raw = await backend.embed([texts[0] as string], { normalize: false });
  expect((await embed7(how({ normalize: false }))).embedding).toEqual(raw.toArrays()[0]);
  const asking = embeddingModel({ backend, inputType: "query" });
  expect((await embed7({ model: asking, value: texts[0] as string })).embedding).toEqual(query);
  await expect(embed7(how({ inputKind: "query" }))).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

it("cuts to the dimensions that ai 7 asks for, where the model allows it", async () => {
  const model = embeddingModel({ backend, cutWithoutMatryoshka: true });
  const { embeddings } = await model.doEmbed({ values: texts, dimensions: 8 });
  const expected = await backend.embed(texts, { dimensions: 8, cutWithoutMatryoshka: true });
  expect(embeddings).toEqual(expected.toArrays());
  await expect(embeddingModel({ backend }).doEmbed({ values: texts, dimensions: 8 })).rejects.toMatchObject({
    code: "INVALID_INPUT",
  });
});

it("says which texts were cut", async () => {
  const values = ["short", "word ".repeat(2000)];
  const answer = await embeddingModel({ backend }).doEmbed({ values });
  expect(answer.warnings).toEqual([
    { type: "other", message: expect.stringMatching(/^1 of 2 texts .* text 1 /) as string },
  ]);
  expect(answer.providerMetadata).toMatchObject({ "candle-embed": { truncated: [1] } });
  expect(await embeddingModel({ backend, specification: "v2" }).doEmbed({ values })).not.toHaveProperty(
    "warnings",
  );
});

it("leaves usage out where nobody counted", async () => {
  const fetch = (_: unknown, init?: RequestInit): Promise<Response> => {
    const { input } = JSON.parse(init?.body as string) as { input: string[] };
    const data = input.map((_text, index) => ({ index, embedding: [1, 0] }));
    return Promise.resolve(Response.json({ data }));
  };
  const api = await ApiBackend.connect({
    baseUrl: "http://127.0.0.1:1/v1",
    model: "m",
    dimensions: 2,
    fetch,
  });
  const model = embeddingModel({ backend: api });
  expect(await model.doEmbed({ values: ["a", "b"] })).not.toHaveProperty("usage");
  expect(model).toMatchObject({ modelId: "m", provider: "candle-embed", specificationVersion: "v4" });
});

it("an abort is not retried", async () => {
  const { backend: noted, calls } = noting(backend);
  const abortSignal = AbortSignal.abort();
  const model = embeddingModel({ backend: noted });
  await expect(embedMany7({ model, values: texts, abortSignal })).rejects.toMatchObject({
    name: "AbortError",
  });
  expect(calls.length).toBeLessThanOrEqual(1);
});

it("refuses an unknown specification", () => {
  expect(() => embeddingModel({ specification: "v1" as never })).toThrow(/"specification" must be one of v2/);
});

import OpenAI from "openai";
import { describe, expect, it } from "vitest";

import { ApiBackend, type ApiPreset } from "candle-embed";

import { dimensions, FakeApi, vectorOf } from "./fake-api.js";
import { connect, errorOf } from "./support.js";

const api = await FakeApi.start();

it.each(["base64", "float"] as const)(
  "the official client gets the same vectors from the server (%s)",
  async (format) => {
    const texts = ["a text", "another", "日本語 😀"];
    const client = new OpenAI({ apiKey: "sk-x", baseURL: api.url });
    // Without a format it asks for base64 and decodes that.
    const options = format === "float" ? { encoding_format: format } : {};
    const theirs = await client.embeddings.create({ model: "model", input: texts, ...options });
    const ours = await (await connect(api, { apiKey: "sk-x" })).embed(texts);
    expect(theirs.data.map(({ embedding }) => Float32Array.from(embedding))).toEqual([...ours]);
  },
);

// Written after the formats that each one documents; none was recorded from a service.
const numbers = [0.6, 0, -0.8];
const packed = Buffer.from(Float32Array.from(numbers).buffer).toString("base64");
const answers: Record<ApiPreset, unknown> = {
  openai: {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: packed }],
    model: "text-embedding-3-small",
    usage: { prompt_tokens: 5, total_tokens: 5 },
  },
  deepinfra: {
    object: "list",
    data: [{ index: 0, object: "embedding", embedding: numbers }],
    model: "BAAI/bge-small-en-v1.5",
    usage: { prompt_tokens: 5, total_tokens: 5, completion_tokens: null, estimated_cost: 1e-7 },
  },
  together: {
    object: "list",
    model: "BAAI/bge-base-en-v1.5",
    data: [{ object: "embedding", embedding: numbers, index: 0 }],
  },
  ollama: {
    object: "list",
    data: [{ object: "embedding", embedding: packed, index: 0 }],
    model: "all-minilm",
    usage: { prompt_tokens: 5, total_tokens: 5 },
  },
  lmstudio: {
    object: "list",
    data: [{ object: "embedding", embedding: numbers, index: 0 }],
    model: "text-embedding-nomic-embed-text-v1.5",
    usage: { prompt_tokens: 0, total_tokens: 0 },
  },
  tei: {
    object: "list",
    data: [{ object: "embedding", embedding: packed, index: 0 }],
    model: "BAAI/bge-small-en-v1.5",
    usage: { prompt_tokens: 5, total_tokens: 5 },
  },
  "llama.cpp": {
    model: "gpt-3.5-turbo",
    object: "list",
    usage: { prompt_tokens: 5, total_tokens: 5 },
    data: [{ embedding: packed, index: 0, object: "embedding", encoding_format: "base64" }],
  },
  vllm: {
    id: "embd-1",
    object: "list",
    created: 1,
    model: "intfloat/e5-small",
    data: [{ index: 0, object: "embedding", embedding: packed }],
    usage: { prompt_tokens: 5, total_tokens: 5, completion_tokens: 0, prompt_tokens_details: null },
  },
  "candle-embed": {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: packed }],
    model: "all-MiniLM-L6-v2",
    usage: { prompt_tokens: 5, total_tokens: 5 },
  },
};

describe("presets", () => {
  it.each(Object.entries(answers))(
    "%s: its address, and its answer as it documents it",
    async (name, answer) => {
      let asked: { url: string; body: string } | undefined;
      const backend = await ApiBackend.connect({
        preset: name as ApiPreset,
        model: "model",
        apiKey: "sk-x",
        fetch: (url, init) => {
          asked = { url: (url as URL).href, body: init?.body as string };
          return Promise.resolve(Response.json(answer));
        },
      });
      expect(asked?.url).toMatch(/^https?:\/\/[\w.:-]+\/v1\/(openai\/)?embeddings$/);
      expect(await backend.embedQuery("a text")).toEqual(Float32Array.from(numbers));
    },
  );

  it("batches as the service allows", async () => {
    api.requests.length = 0;
    const backend = await connect(api, { preset: "tei", baseUrl: api.url });
    const texts = Array.from({ length: 70 }, (_, i) => String(i));
    expect([...(await backend.embed(texts))]).toEqual(texts.map((text) => vectorOf(text)));
    expect(api.requests.map(({ body }) => body.input.length).sort()).toEqual([32, 32, 6]);
    expect(backend.dimensions).toBe(dimensions);
  });

  it("a service without a key is refused before it is asked", async () => {
    expect(await errorOf(ApiBackend.connect({ preset: "together", model: "m" }))).toMatchObject({
      code: "INVALID_INPUT",
    });
  });
});

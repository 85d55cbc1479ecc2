// Clients of OpenAI's API as their users have them, unmodified.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { OpenAIEmbeddings } from "@langchain/openai";
import { OpenAIEmbedding } from "@llamaindex/openai";
import { embedMany } from "ai";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";

import { startEmbedded } from "./support.js";

const { backend, url, server } = await startEmbedded({ aliases: { "text-embedding-3-small": "mini" } });
const baseURL = `${url}/v1`;
const apiKey = "unused";
const texts = Array.from(
  { length: 30 },
  (_, index) => `text number ${String(index)}: naïve café, 日本語, 🦜`,
);
const vectors = (await backend.embed(texts)).toArrays();

describe("openai for Node", () => {
  const client = new OpenAI({ baseURL, apiKey });

  it.each(["base64", "float", undefined] as const)(
    "gets the model's vectors: %s",
    async (encoding_format) => {
      const format = encoding_format === undefined ? {} : { encoding_format };
      const answer = await client.embeddings.create({ model: "mini", input: texts, ...format });
      if (encoding_format === "base64") {
        // Asked for by name, base64 is handed on as it came.
        const rows = answer.data.map(({ embedding }) =>
          Buffer.from(embedding as unknown as string, "base64"),
        );
        expect(rows.map((row) => Array.from(new Float32Array(new Uint8Array(row).buffer)))).toEqual(vectors);
      } else {
        expect(answer.data.map(({ embedding }) => embedding.map(Math.fround))).toEqual(vectors);
      }
      expect(answer.data.map(({ index }) => index)).toEqual([...texts.keys()]);
      const { tokens } = await backend.embed(texts);
      const sum = tokens.reduce((total, each) => total + each, 0);
      expect(answer.usage).toEqual({ prompt_tokens: sum, total_tokens: sum });
      expect(answer.model).toBe("mini");
    },
  );

  it("reaches the model by an alias, lists models and gets one", async () => {
    const answer = await client.embeddings.create({
      model: "text-embedding-3-small",
      input: texts[0] as string,
    });
    expect(answer.data[0]?.embedding.map(Math.fround)).toEqual(vectors[0]);
    const ids = (await client.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(["mini", "text-embedding-3-small"]);
    expect(await client.models.retrieve("mini")).toMatchObject({ id: "mini", object: "model" });
  });

  it("gets errors it understands, with the request's id", async () => {
    const missing = client.embeddings.create({ model: "absent", input: "a" });
    await expect(missing).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(missing).rejects.toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    const wrong = client.embeddings.create({ model: "mini", input: "a", dimensions: 5 });
    await expect(wrong).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(wrong).rejects.toMatchObject({ requestID: expect.stringMatching(/^[\w-]{36}$/) as string });
  });

  it("works in this process, without a port and without a base URL", async () => {
    const local = new OpenAI({ apiKey, fetch: server.fetch });
    const answer = await local.embeddings.create({ model: "mini", input: texts });
    expect(answer.data.map(({ embedding }) => embedding.map(Math.fround))).toEqual(vectors);
    const signal = AbortSignal.abort();
    await expect(local.embeddings.create({ model: "mini", input: texts }, { signal })).rejects.toBeInstanceOf(
      OpenAI.APIUserAbortError,
    );
  });
});

it("@langchain/openai", async () => {
  const client = new OpenAIEmbeddings({ model: "mini", apiKey, batchSize: 7, configuration: { baseURL } });
  const rows = await client.embedDocuments(texts);
  expect(rows.map((row) => row.map(Math.fround))).toEqual(vectors);
  expect((await client.embedQuery(texts[3] as string)).map(Math.fround)).toEqual(vectors[3]);
});

it("@ai-sdk/openai-compatible", async () => {
  const provider = createOpenAICompatible({ name: "candle", baseURL, apiKey });
  const { embeddings, usage } = await embedMany({
    model: provider.embeddingModel("mini"),
    values: texts,
  });
  expect(embeddings.map((row) => row.map(Math.fround))).toEqual(vectors);
  expect(usage.tokens).toBeGreaterThan(texts.length);
});

it("LlamaIndex.TS", async () => {
  const client = new OpenAIEmbedding({ model: "mini", apiKey, baseURL });
  const rows = await client.getTextEmbeddings(texts);
  expect(rows.map((row) => row.map(Math.fround))).toEqual(vectors);
});

it("curl", async () => {
  const body = JSON.stringify({ input: texts });
  const { stdout } = await promisify(execFile)("curl", [
    ...["--silent", "--show-error", "--fail", `${baseURL}/embeddings`],
    ...["--header", "content-type: application/json", "--data-binary", body],
  ]);
  const { data } = JSON.parse(stdout) as { data: { embedding: number[] }[] };
  expect(data.map(({ embedding }) => embedding.map(Math.fround))).toEqual(vectors);
});

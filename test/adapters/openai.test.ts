import OpenAI from "openai";
import { expect, it } from "vitest";

import { NativeBackend } from "candle-embed";
import { openaiFetch } from "candle-embed/openai";

import { loadPrompted, promptedModel, temporaryFolder, texts } from "./support.js";

const { backend } = await loadPrompted();
const input = texts.filter(Boolean);
const vectors = (await backend.embed(input)).toArrays();
const apiKey = "unused";

it("answers OpenAI's client in this process, by the model's name and its aliases", async () => {
  await using fetch = openaiFetch({ backend, aliases: ["text-embedding-3-small"] });
  const client = new OpenAI({ apiKey, fetch });
  for (const model of [backend.modelId, "text-embedding-3-small"]) {
    const { data, usage } = await client.embeddings.create({ model, input });
    expect(data.map(({ embedding }) => embedding.map(Math.fround))).toEqual(vectors);
    expect(usage.prompt_tokens).toBeGreaterThan(input.length);
  }
});

it("tells a program that asks for a model that is not there", async () => {
  await using fetch = openaiFetch({ backend });
  const client = new OpenAI({ apiKey, fetch });
  await expect(client.embeddings.create({ model: "text-embedding-3-small", input })).rejects.toMatchObject({
    status: 404,
    code: "model_not_found",
  });
});

it("loads the embedded model by itself, named with and without its organisation", async () => {
  await using fetch = openaiFetch();
  const client = new OpenAI({ apiKey, fetch });
  const names = (await client.models.list()).data.map(({ id }) => id);
  expect(names).toEqual(["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"]);
  const { data } = await client.embeddings.create({ model: names[1] as string, input: "a" });
  expect(data[0]?.embedding).toHaveLength(384);
});

it("gives up a request whose client does, also while the model loads", async () => {
  const never = openaiFetch({ backend: () => new Promise(() => undefined) });
  for (const fetch of [never, openaiFetch({ backend })]) {
    const client = new OpenAI({ apiKey, fetch, maxRetries: 0 });
    const call = client.embeddings.create({ model: "m", input }, { signal: AbortSignal.timeout(20) });
    const gone = fetch === never ? OpenAI.APIUserAbortError : OpenAI.NotFoundError;
    await expect(call).rejects.toBeInstanceOf(gone);
  }
});

it("fails as the load does, tries again, and ends once", async () => {
  let failures = 0;
  const fetch = openaiFetch({
    backend: () =>
      failures++ === 0 ? Promise.reject(new Error("not now")) : NativeBackend.load(promptedModel),
  });
  const url = "https://api.openai.com/v1/models";
  await expect(fetch(url)).rejects.toThrow("not now");
  expect((await fetch(url)).status).toBe(200);
  await fetch.dispose();
  await expect(fetch(url)).rejects.toMatchObject({ code: "DISPOSED" });
  await expect(openaiFetch({ model: `${temporaryFolder()}/absent` })(url)).rejects.toMatchObject({
    code: "MODEL_NOT_FOUND",
  });
  expect((await backend.embed("still there")).count).toBe(1);
});

it("refuses wrong options", () => {
  expect(() => openaiFetch({ aliases: "x" as never })).toThrow(/"aliases" must be an array/);
  expect(() => openaiFetch({ baseUrl: "x" } as never)).toThrow(/unknown option "baseUrl"/);
});

import { describe, expect, it } from "vitest";

import { ApiBackend, catalog } from "candle-embed";

import { answerWith, dimensions, FakeApi, vectorOf } from "./fake-api.js";
import { connect, errorOf, localBackend } from "./support.js";

const api = await FakeApi.start();

function restart(): void {
  api.requests.length = 0;
  api.faults.length = 0;
  api.fault = undefined;
  api.keys.clear();
  api.mostBusy = 0;
}

const texts = Array.from({ length: 11 }, (_, index) => `text ${String(index)}`);

describe("embed", () => {
  it.each(["base64", "float"] as const)("gives the server's vectors, bit by bit (%s)", async (format) => {
    restart();
    const backend = await connect(api, format === "float" ? { preset: "lmstudio" } : {});
    const result = await backend.embed(texts);
    expect(api.requests[0]?.body).toEqual({
      model: "model",
      input: texts,
      encoding_format: format,
      dimensions,
    });
    expect([...result]).toEqual(texts.map((text) => vectorOf(text)));
    expect(result).toMatchObject({ backend: "api", count: 11, dimensions, truncated: [] });
  });

  it("splits by texts and by tokens, keeps the order and counts", async () => {
    restart();
    const backend = await connect(api, { batchSize: 4, batchTokens: 9, maxConcurrency: 2 });
    const seen: number[] = [];
    const result = await backend.embed(texts, { onProgress: ({ texts: done }) => seen.push(done) });
    expect([...result]).toEqual(texts.map((text) => vectorOf(text)));
    expect(Math.max(...api.requests.map(({ body }) => body.input.length))).toBe(3);
    expect(api.mostBusy).toBeLessThanOrEqual(2);
    expect(seen.at(-1)).toBe(11);
    // The API told them of three texts together.
    expect(result.tokens[0]).toBe(0);
    expect((await backend.embed("a")).tokens[0]).toBe(3);
  });

  it("puts answers back into order by their index", async () => {
    restart();
    api.faults.push(async ({ answer, response }) => {
      const whole = await answer();
      response.end(JSON.stringify({ ...whole, data: (whole["data"] as unknown[]).toReversed() }));
    });
    const backend = await connect(api);
    expect([...(await backend.embed(texts))]).toEqual(texts.map((text) => vectorOf(text)));
  });

  it("takes floats where it asked for base64, and asks servers that refuse base64 for floats", async () => {
    restart();
    const backend = await connect(api);
    api.faults.push(async ({ body, response, answer }) => {
      body.encoding_format = "float";
      response.end(JSON.stringify(await answer()));
    });
    expect((await backend.embed("a")).at(0)).toEqual(vectorOf("a"));
    api.faults.push(answerWith(422, { detail: [{ loc: ["body", "encoding_format"], msg: "no" }] }));
    expect((await backend.embed("b")).at(0)).toEqual(vectorOf("b"));
    expect((await backend.embed("c")).at(0)).toEqual(vectorOf("c"));
    const formats = api.requests.map(({ body }) => body.encoding_format);
    expect(formats).toEqual(["float", "base64", "float", "float"]);
  });

  it("puts prompts before texts", async () => {
    restart();
    const prompts = { query: "question: ", document: "passage: ", other: "x " };
    const backend = await connect(api, { prompts });
    expect(await backend.embedQuery("a")).toEqual(vectorOf("question: a"));
    expect((await backend.embedDocuments(["a"])).at(0)).toEqual(vectorOf("passage: a"));
    expect((await backend.embed("a", { promptName: "other" })).at(0)).toEqual(vectorOf("x a"));
    expect((await backend.embed("a", { prompt: "y" })).at(0)).toEqual(vectorOf("ya"));
    expect((await backend.embed("a")).at(0)).toEqual(vectorOf("a"));
    await expect(backend.embed("a", { promptName: "none" })).rejects.toThrow(/query, document, other/);
  });

  it("normalises, and cuts to fewer dimensions", async () => {
    restart();
    const long = vectorOf("a").map((value) => 3 * value);
    api.embed = () => Promise.resolve([long.slice()]);
    const backend = await connect(api);
    const raw = await connect(api, { normalized: false });
    expect(Math.hypot(...(await backend.embedQuery("a")))).toBeCloseTo(1, 6);
    expect(await raw.embedQuery("a")).toEqual(long);
    const cut = await backend.embedQuery("a", { dimensions: 3 });
    const expected = vectorOf("a").slice(0, 3);
    expect(cut).toHaveLength(3);
    cut.forEach((value, i) => {
      expect(value).toBeCloseTo((expected[i] as number) / Math.hypot(...expected), 6);
    });
    api.embed = (inputs) => Promise.resolve(inputs.map((text) => vectorOf(text)));
  });

  it("asks nothing for no texts", async () => {
    restart();
    const backend = await connect(api);
    expect((await backend.embed([])).count).toBe(0);
    expect(api.requests).toEqual([]);
  });

  it.each([
    [{ outputType: "int8" }, /float32 only/],
    [{ dimensions: 9 }, /at most 8/],
    [{ normalize: false }, /normalized: false/],
    [{ truncate: "error" }, /cannot be told to truncate/],
  ] as const)("refuses %j, which an API cannot do", async (options, message) => {
    restart();
    const backend = await connect(api);
    await expect(backend.embed("a", options)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(message) as string,
    });
    expect(api.requests).toEqual([]);
  });

  it("ends with the signal, and with dispose", async () => {
    restart();
    api.fault = () => undefined;
    const backend = await connect(api, { batchSize: 1, maxConcurrency: 2 });
    const reason = new Error("enough");
    const controller = new AbortController();
    const call = backend.embed(texts, { signal: controller.signal });
    setTimeout(() => {
      controller.abort(reason);
    }, 20);
    await expect(call).rejects.toMatchObject({ code: "ABORTED", name: "AbortError", cause: reason });
    await expect(backend.embed("a", { signal: controller.signal })).rejects.toMatchObject({
      code: "ABORTED",
    });
    const other = backend.embed("a");
    await backend.dispose();
    await expect(other).rejects.toMatchObject({ code: "DISPOSED" });
    await expect(backend.embed("a")).rejects.toMatchObject({ code: "DISPOSED" });
  });
});

describe("connect", () => {
  it("learns the length of vectors from one answer unless it is told", async () => {
    restart();
    const backend = await connect(api, { dimensions: undefined });
    expect(backend.dimensions).toBe(dimensions);
    expect(api.requests).toHaveLength(1);
    await connect(api, { dimensions: undefined, space: "all-MiniLM-L6-v2" });
    expect(api.requests).toHaveLength(1);
  });

  it("asks for the dimensions it is told, and refuses others", async () => {
    restart();
    const backend = await connect(api, { dimensions: 5 });
    const error = await errorOf(backend.embed("a"));
    expect(api.requests[0]?.body.dimensions).toBe(5);
    expect(error).toMatchObject({ code: "API_RESPONSE_INVALID", retryable: false });
    expect(error.message).toMatch(/has 8 dimensions, not 5/);
  });

  it("describes a declared space by the catalogue, and takes another backend's with its prompts", async () => {
    const entry = catalog[0];
    const declared = await connect(api, { dimensions: undefined, space: "all-minilm-l6-v2" });
    expect(declared).toMatchObject({ modelId: entry?.modelId, dimensions: 384, maxTokens: 256 });
    const { space } = localBackend();
    const same = await connect(api, { space: { ...space, prompts: { query: "q: " } } });
    expect(same.space.prompts).toEqual({ query: "q: " });
  });

  it.each([
    [{}, /"model" is missing/],
    [{ model: "m" }, /"baseUrl", or "preset"/],
    [{ model: "m", baseUrl: "localhost:80" }, /http or https/],
    [{ model: "m", baseUrl: "http://me:secret@host/v1" }, /must not hold a name or password/],
    [{ model: "m", preset: "openai" }, /needs a key/],
    [{ model: "m", preset: "azure" }, /one of openai, deepinfra/],
    [{ model: "m", preset: "openai", apiKey: "k", apiKeyCommand: ["echo"] }, /not both/],
    [{ model: "m", preset: "openai", apiKeyCommand: "echo secret" }, /array of a program/],
    [{ model: "m", preset: "openai", apiKey: "secret\n" }, /one line without spaces/],
    [{ model: "m", preset: "openai", headers: "x: secret" }, /"headers" must be an object/],
    [{ model: "m", preset: "ollama", headers: { "x-key": "secret\nsecret" } }, /header x-key/],
    [{ model: "m", preset: "ollama", space: "no such model" }, /no space/],
    [{ model: "m", preset: "ollama", dimensions: 400, space: "all-MiniLM-L6-v2" }, /more than the 384/],
    [{ model: "m", preset: "ollama", retries: 3 }, /unknown option "retries"/],
  ])("refuses %j", async (options, message) => {
    const error = await errorOf(ApiBackend.connect(options as never));
    expect(error.code).toBe("INVALID_INPUT");
    expect(error.message).toMatch(message);
    expect(error.message.replace(/key must|name or password/, "")).not.toMatch(/secret/);
  });
});

import { describe, expect, it } from "vitest";

import { cosineSimilarity, NativeBackend } from "candle-embed";
import type { LogRecord } from "candle-embed/server";

import { errorOf, get, post, read, startEmbedded, startServer, vectorsOf } from "./support.js";
import { tinyModel } from "../native/support.js";
import { loadForTests } from "../native/support.js";

const { backend, url } = await startEmbedded({
  aliases: { alias: "mini" },
  maxInputs: 50,
  maxBodyBytes: 100_000,
});
const embeddings = `${url}/v1/embeddings`;

describe("POST /v1/embeddings", () => {
  it("has the form of OpenAI's answer", async () => {
    const { status, headers, body } = await post(embeddings, {
      model: "alias",
      input: "a text",
      user: "me",
      extra: 1,
    });
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(["object", "data", "model", "usage"]);
    expect(body).toMatchObject({
      object: "list",
      data: [{ object: "embedding", index: 0 }],
      model: "mini",
      usage: { prompt_tokens: 4, total_tokens: 4 },
    });
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("openai-processing-ms")).toMatch(/^\d+$/);
    expect(headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
  });

  it("is there without the version, and passes a client's request id on", async () => {
    const { status, headers } = await post(`${url}/embeddings`, { input: "a" }, { "x-request-id": "mine-1" });
    expect([status, headers.get("x-request-id")]).toEqual([200, "mine-1"]);
    const odd = await post(embeddings, { input: "a" }, { "x-request-id": "a b" });
    expect(odd.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
  });

  it.each(["float", "base64"])("gives the bits of NativeBackend: %s", async (encoding_format) => {
    const input = ["", "one", "two\u0000three", "🦜", "x".repeat(5_000), "word ".repeat(500)];
    const answer = await post(embeddings, { input, encoding_format });
    const expected = await backend.embed(input);
    expect(vectorsOf(answer)).toEqual([...expected]);
    expect(answer.body["truncated"]).toEqual(expected.truncated);
  });

  it("takes the extensions", async () => {
    const cut = await post(embeddings, { input: "word ".repeat(500), truncate: "start", normalize: false });
    const expected = await backend.embed("word ".repeat(500), { truncate: "start", normalize: false });
    expect(vectorsOf(cut)[0]).toEqual(expected.data);
    const refused = await post(embeddings, { input: ["a", "word ".repeat(500)], truncate: "error" });
    expect(refused.status).toBe(400);
    expect(errorOf(refused)).toMatchObject({ code: "context_length_exceeded", param: "input" });
    const prompts = await loadForTests(tinyModel.replace("tiny-bert-mean", "tiny-bert-exclude-prompt"));
    const other = await startServer({ models: { prompts } });
    for (const [field, option] of [
      [{ input_type: "query" }, { inputType: "query" }],
      [
        { prompt_name: Object.keys(prompts.space.prompts)[0] },
        { promptName: Object.keys(prompts.space.prompts)[0] },
      ],
    ] as const) {
      const answer = await post(`${other.url}/v1/embeddings`, { input: "a fox", ...field });
      expect(vectorsOf(answer)[0]).toEqual((await prompts.embed("a fox", option)).data);
    }
  });

  it("reads the model's own tokens, with and without special ones, where it is told to", async () => {
    const own = await startServer({ models: { mini: backend }, tokenIds: "model" });
    const texts = ["hello world", "unbelievable embeddings"];
    const whole = (await backend.tokenize(texts)).map(({ ids }) => Array.from(ids));
    const plain = (await backend.tokenize(texts, { specialTokens: false })).map(({ ids }) => Array.from(ids));
    for (const input of [whole, plain]) {
      const answer = await post(`${own.url}/v1/embeddings`, { input });
      expect(vectorsOf(answer)).toEqual([...(await backend.embed(texts))]);
    }
    expect(vectorsOf(await post(`${own.url}/v1/embeddings`, { input: plain[0] }))).toHaveLength(1);
    const unknown = await post(`${own.url}/v1/embeddings`, { input: [99_999_999] });
    expect([unknown.status, errorOf(unknown).code]).toEqual([400, "token_ids_refused"]);
  });

  it("recognises tokens that can only be the model's, and refuses all where it is told to", async () => {
    const text = "Tokenization of uncommon words: electroencephalography, antidisestablishmentarianism.";
    const [tokens] = await backend.tokenize(text);
    const input = Array.from(tokens?.ids ?? []);
    expect(vectorsOf(await post(embeddings, { input }))[0]).toEqual((await backend.embed(text)).data);
    const closed = await startServer({ models: { mini: backend }, tokenIds: "reject" });
    expect((await post(`${closed.url}/v1/embeddings`, { input })).status).toBe(400);
  });

  it.each<[string, unknown, string | null]>([
    ["no input", {}, "input"],
    ["null", { input: null }, "input"],
    ["an object", { input: {} }, "input"],
    ["an empty list", { input: [] }, "input"],
    ["an empty list of tokens", { input: [[]] }, "input"],
    ["a number among texts", { input: ["a", 1] }, "input[1]"],
    ["a text among tokens", { input: [1, "a"] }, "input"],
    ["a text among lists of tokens", { input: [[1], "a"] }, "input"],
    ["a token that is none", { input: [1.5] }, "input"],
    ["too many", { input: new Array(51).fill("a") }, "input"],
    ["a model that is no string", { model: 5, input: "a" }, "model"],
    ["a wrong format", { input: "a", encoding_format: "int8" }, "encoding_format"],
    ["no dimensions", { input: "a", dimensions: 0 }, "dimensions"],
    ["a part of a dimension", { input: "a", dimensions: 1.5 }, "dimensions"],
    ["dimensions that the model does not have", { input: "a", dimensions: 5_000 }, "dimensions"],
    ["dimensions that the model was not trained for", { input: "a", dimensions: 128 }, "dimensions"],
    ["a wrong input type", { input: "a", input_type: "passage" }, "input_type"],
    ["a prompt that the model does not have", { input: "a", prompt_name: "nope" }, null],
    ["a wrong way to cut", { input: "a", truncate: "middle" }, "truncate"],
    ["a wrong normalize", { input: "a", normalize: "yes" }, "normalize"],
    ["an array", [], null],
    ["no JSON", "{", null],
    ["nothing", "", null],
  ])("answers 400 in OpenAI's form: %s", async (_, body, param) => {
    const answer = await post(embeddings, body);
    expect(answer.status).toBe(400);
    expect(Object.keys(errorOf(answer))).toEqual(["message", "type", "param", "code"]);
    expect(errorOf(answer)).toMatchObject({ type: "invalid_request_error", param });
    expect(errorOf(answer).message).not.toBe("");
  });

  it("refuses what is not UTF-8", async () => {
    const { status } = await post(embeddings, Uint8Array.from(Buffer.from('{"input":"\xff"}', "latin1")));
    expect(status).toBe(400);
  });
});

describe("other routes", () => {
  it("lists models and finds one, also by a name with slashes", async () => {
    const named = await startServer({ models: { "org/name of it": backend } });
    const list = await get(`${named.url}/v1/models`);
    expect(list.body).toMatchObject({ object: "list", data: [{ id: "org/name of it", object: "model" }] });
    for (const path of ["org/name%20of%20it", "org%2Fname%20of%20it"]) {
      expect((await get(`${named.url}/v1/models/${path}`)).body).toMatchObject({ id: "org/name of it" });
    }
    const absent = await get(`${named.url}/v1/models/%ff`);
    expect([absent.status, errorOf(absent).code]).toEqual([404, "model_not_found"]);
  });

  it("tells its state and its models", async () => {
    expect((await get(`${url}/health`)).body).toEqual({ status: "ok" });
    expect((await get(`${url}/ready`)).body).toEqual({ status: "ready" });
    expect((await get(`${url}/info`)).body).toMatchObject({
      status: "ready",
      models: [{ id: "mini", aliases: ["alias"], dimensions: 384, max_tokens: 256, space: backend.space.id }],
      limits: { max_inputs: 50 },
    });
  });

  it("tokenizes with places in the text", async () => {
    const text = "Hello 🦜 wörld";
    const { body } = await post(`${url}/tokenize`, { input: text, add_special_tokens: false });
    const [{ tokens, offsets }] = body["data"] as [{ tokens: number[]; offsets: [number, number][] }];
    const [expected] = await backend.tokenize(text, { specialTokens: false });
    expect(tokens).toEqual(Array.from(expected?.ids ?? []));
    expect(text.slice(...(offsets[0] as [number, number]))).toBe("Hello");
    expect((await post(`${url}/tokenize`, { input: ["a", ""] })).body).toMatchObject({
      usage: { total_tokens: 5 },
    });
    expect((await post(`${url}/tokenize`, { input: [1] })).status).toBe(400);
  });

  it("compares texts", async () => {
    const input = ["a cat", "a dog"];
    const vectors = [...(await backend.embed([...input, "a kitten"]))] as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const { body } = await post(`${url}/similarity`, { input, compare_with: "a kitten" });
    expect(body["scores"]).toEqual([
      [cosineSimilarity(vectors[0], vectors[2])],
      [cosineSimilarity(vectors[1], vectors[2])],
    ]);
    const pairs = await post(`${url}/similarity`, { input });
    expect((pairs.body["scores"] as number[][])[0]?.[1]).toBeCloseTo(
      cosineSimilarity(vectors[0], vectors[1]),
      6,
    );
    expect((await post(`${url}/similarity`, { input: [] })).status).toBe(400);
  });

  it.each([
    ["GET", "/v1/embeddings", 405],
    ["DELETE", "/v1/models", 405],
    ["POST", "/health", 405],
    ["HEAD", "/health", 200],
    ["GET", "/nothing", 404],
    ["GET", "/v1/models/", 404],
    ["OPTIONS", "/v1/embeddings", 405],
  ])("%s %s gets %i", async (method, path, status) => {
    const response = await fetch(url + path, { method });
    expect(response.status).toBe(status);
    if (status === 405) expect(response.headers.get("allow")).toMatch(/^(POST|GET, HEAD)$/);
  });

  it("takes JSON only, and not packed", async () => {
    const body = { input: "a" };
    for (const headers of [
      { "content-type": "text/plain" },
      { "content-type": "application/x-www-form-urlencoded" },
      { "content-encoding": "gzip" },
      { "content-encoding": "br" },
    ]) {
      expect((await post(embeddings, body, headers)).status).toBe(415);
    }
    expect((await post(embeddings, body, { "content-type": "application/json; charset=utf-8" })).status).toBe(
      200,
    );
  });
});

it("answers 503 with a pause while a model is being loaded, 200 when it is there, and frees it", async () => {
  let finish: (() => void) | undefined;
  const waiting = new Promise<void>((resolve) => (finish = resolve));
  const lazy = await loadForTests(tinyModel);
  let disposed = false;
  const dispose = lazy.dispose.bind(lazy);
  lazy.dispose = () => {
    disposed = true;
    return dispose();
  };
  const { url: lazyUrl, server } = await startServer({ models: { lazy: () => waiting.then(() => lazy) } });
  const early = await post(`${lazyUrl}/v1/embeddings`, { input: "a" });
  expect([early.status, early.headers.get("retry-after"), errorOf(early).code]).toEqual([
    503,
    "1",
    "model_not_ready",
  ]);
  expect((await get(`${lazyUrl}/ready`)).status).toBe(503);
  expect((await get(`${lazyUrl}/health`)).status).toBe(200);
  expect((await get(`${lazyUrl}/metrics`)).text).toContain('candle_embed_model_ready{model="lazy"} 0');
  finish?.();
  await server.ready;
  expect((await get(`${lazyUrl}/ready`)).status).toBe(200);
  expect((await post(`${lazyUrl}/v1/embeddings`, { input: "a" })).status).toBe(200);
  await server.close();
  expect(disposed).toBe(true);
});

it("cuts vectors of a model that was not trained for it only where the server is told to", async () => {
  const refused = await post(embeddings, { input: "a", dimensions: 128 });
  expect(errorOf(refused).message).toMatch(/"dimensions" out for all 384, or .*--cut-without-matryoshka/);
  const cutting = await startServer({ models: { mini: backend }, cutWithoutMatryoshka: true });
  const answer = await post(`${cutting.url}/v1/embeddings`, { input: "a", dimensions: 128 });
  const expected = await backend.embed("a", { dimensions: 128, cutWithoutMatryoshka: true });
  expect(vectorsOf(answer)[0]).toEqual(expected.data);
});

describe("a model that cannot be loaded", () => {
  it("is told by the log, by /ready, and to its clients without a pause to try again after", async () => {
    const records: LogRecord[] = [];
    const { url: other, server } = await startServer({
      models: { broken: () => NativeBackend.load("/absent/model"), mini: backend },
      log: (record) => void records.push(record),
    });
    await expect(server.ready).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(records).toContainEqual(
      expect.objectContaining({
        level: "error",
        event: "model_failed",
        model: "broken",
        code: "MODEL_NOT_FOUND",
        message: expect.stringContaining("/absent/model") as string,
      }),
    );
    const ready = await get(`${other}/ready`);
    expect([ready.status, ready.body]).toEqual([503, { status: "failed" }]);
    for (const path of ["/v1/embeddings", "/tokenize"]) {
      const { status, headers, ...answer } = await post(other + path, { model: "broken", input: "a" });
      expect([status, headers.get("x-should-retry"), headers.get("retry-after")]).toEqual([
        500,
        "false",
        null,
      ]);
      expect(errorOf({ status, headers, ...answer })).toMatchObject({
        code: "model_failed",
        message: expect.stringMatching(/could not be loaded; the server's log says why/) as string,
      });
    }
    expect((await post(`${other}/v1/embeddings`, { model: "mini", input: "a" })).status).toBe(200);
  });
});

describe("server.fetch", () => {
  const request = (body: string | ReadableStream<Uint8Array>): Request =>
    new Request("http://localhost/v1/embeddings", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      // Node wants it for streams, and the types of the web do not know it.
      ...({ duplex: "half" } as RequestInit),
    });

  it("says that a body was read before", async () => {
    const { server } = await startEmbedded();
    const parsed = request('{"input":"a"}');
    await parsed.json();
    const answer = await read(await server.fetch(parsed));
    expect(answer.status).toBe(400);
    expect(errorOf(answer).message).toMatch(
      /was read before it came here: hand it on before anything parses it/,
    );
  });

  it("takes a body that breaks off for a client that has gone", async () => {
    const records: LogRecord[] = [];
    const { server } = await startEmbedded({ log: (record) => void records.push(record) });
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("connection reset")),
    });
    expect((await server.fetch(request(broken))).status).toBe(499);
    // Nothing of it is a fault of the server.
    expect(records.filter(({ level }) => level === "error")).toEqual([]);
    const metrics = await (await server.fetch("http://localhost/metrics")).text();
    expect(metrics).toMatch(/te_request_failure\{err="dropped"\} 1/);
  });
});

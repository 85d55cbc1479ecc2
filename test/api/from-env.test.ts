import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  ApiBackend,
  backendFromEnv,
  FallbackBackend,
  NativeBackend,
  type EmbeddingBackend,
} from "candle-embed";

import { finished, largestDifference, root, startNode, tinyModel } from "../native/support.js";
import { answerWith, FakeApi, vectorOf } from "./fake-api.js";
import { errorOf } from "./support.js";

const api = await FakeApi.start();
const native = await NativeBackend.load(tinyModel);

let backend: EmbeddingBackend | undefined;

beforeEach(() => {
  api.requests.length = 0;
  api.faults.length = 0;
  api.fault = undefined;
  api.keys.clear();
  // A server with the same model.
  api.embed = (texts) => native.embed(texts);
});

afterEach(() => backend?.dispose());

async function fromEnv(env: Record<string, string>): Promise<EmbeddingBackend> {
  backend = await backendFromEnv({ env });
  return backend;
}

const local = { EMBEDDING_MODEL: tinyModel };
const remote = { ...local, EMBEDDING_API_BASE_URL: api.url };

describe("EMBEDDING_PROVIDER", () => {
  it("native: a model in this process, also without it", async () => {
    expect(await fromEnv({ EMBEDDING_PROVIDER: "native", ...local })).toBeInstanceOf(NativeBackend);
    expect(await fromEnv({ EMBEDDING_PROVIDER: "", EMBEDDING_API_KEY: "", ...local })).toBeInstanceOf(
      NativeBackend,
    );
    const options = { EMBEDDING_DTYPE: "int8", EMBEDDING_DEVICE: "cpu", EMBEDDING_DIMENSIONS: "32" };
    expect(await errorOf(fromEnv({ ...options, ...local, EMBEDDING_DIMENSIONS: "31" }))).toMatchObject({
      code: "DIMENSION_MISMATCH",
    });
  });

  it("api: with its key or key command", async () => {
    api.keys.add("sk-env-key");
    api.embed = (texts) => Promise.resolve(texts.map((text) => vectorOf(text)));
    const env = { EMBEDDING_PROVIDER: "api", EMBEDDING_MODEL: "m", EMBEDDING_API_BASE_URL: api.url };
    const plain = await fromEnv({ ...env, EMBEDDING_API_KEY: "sk-env-key", EMBEDDING_DIMENSIONS: "8" });
    expect(plain).toBeInstanceOf(ApiBackend);
    expect(await plain.embedQuery("a")).toEqual(vectorOf("a"));
    expect(api.requests[0]?.body).toMatchObject({ model: "m", dimensions: 8 });
    const command = `"${process.execPath}" -e 'console.log("sk-env-" + "key")'`;
    const commanded = await fromEnv({ ...env, EMBEDDING_API_KEY_CMD: command });
    expect(await commanded.embedQuery("a")).toEqual(vectorOf("a"));
  });

  it.each(["api-with-local-fallback", "local-with-api-fallback"])("%s: both, proven", async (provider) => {
    const both = await fromEnv({ EMBEDDING_PROVIDER: provider, ...remote });
    expect(both).toBeInstanceOf(FallbackBackend);
    expect((await both.embed("a")).backend).toBe(provider.startsWith("api") ? "api" : "native");
    api.fault = answerWith(503, "", { "x-should-retry": "false" });
    expect((await both.embed("a")).backend).toBe("native");
  });

  it("with EMBEDDING_LOCAL_URL: the local side is another server, which gets no key", async () => {
    const other = await FakeApi.start();
    const [here, there] = [other, api];
    for (const server of [here, there]) {
      server.embed = (texts) => Promise.resolve(texts.map((text) => vectorOf(text)));
    }
    there.keys.add("sk-env-key");
    const both = await fromEnv({
      ...{
        EMBEDDING_PROVIDER: "local-with-api-fallback",
        EMBEDDING_MODEL: "m",
        EMBEDDING_API_KEY: "sk-env-key",
      },
      ...{ EMBEDDING_API_BASE_URL: there.url, EMBEDDING_LOCAL_URL: here.url },
    });
    await both.embed("a");
    expect(here.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it.each([
    [
      { EMBEDDING_PROVIDER: "openai" },
      /one of native, api, api-with-local-fallback, local-with-api-fallback/,
    ],
    [{ EMBEDDING_API_KEY: "secret" }, /EMBEDDING_API_KEY contradicts EMBEDDING_PROVIDER=native/],
    [{ EMBEDDING_PROVIDER: "api" }, /needs EMBEDDING_API_BASE_URL/],
    [{ EMBEDDING_PROVIDER: "api", EMBEDDING_API_BASE_URL: "http://a" }, /needs EMBEDDING_MODEL/],
    [{ ...remote, EMBEDDING_PROVIDER: "api", EMBEDDING_DEVICE: "cpu" }, /EMBEDDING_DEVICE contradicts/],
    [
      { ...remote, EMBEDDING_PROVIDER: "api", EMBEDDING_LOCAL_URL: "http://a" },
      /EMBEDDING_LOCAL_URL contradicts/,
    ],
    [
      { ...remote, EMBEDDING_PROVIDER: "api", EMBEDDING_API_KEY: "a", EMBEDDING_API_KEY_CMD: "b" },
      /unset one/,
    ],
    [{ ...remote, EMBEDDING_PROVIDER: "api", EMBEDDING_API_KEY_CMD: "a 'b" }, /quotation mark/],
    [{ ...remote, EMBEDDING_PROVIDER: "api", EMBEDDING_DIMENSIONS: "many" }, /whole number/],
    [{ ...local, EMBEDDING_DTYPE: "int3" }, /"dtype" must be one of auto, float32/],
    [
      {
        ...remote,
        EMBEDDING_PROVIDER: "api-with-local-fallback",
        EMBEDDING_LOCAL_URL: "http://a",
        EMBEDDING_DTYPE: "int8",
      },
      /EMBEDDING_DTYPE contradicts EMBEDDING_LOCAL_URL/,
    ],
  ])("%j is an error that says what to do", async (env, message) => {
    const error = await errorOf(fromEnv(env));
    expect(error.code).toBe("INVALID_INPUT");
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/secret/);
  });
});

it("the same texts have the same vectors in this process, through the API and through the fallback", async () => {
  const texts = ["a text", "eine längere, mit Umlauten", "", "日本語"];
  const expected = await native.embed(texts);
  for (const provider of ["api", "api-with-local-fallback"]) {
    const result = await (await fromEnv({ EMBEDDING_PROVIDER: provider, ...remote })).embed(texts);
    expect(result.backend).toBe("api");
    expect(largestDifference(result.data, expected.data)).toBeLessThan(1e-6);
  }
});

it("a command refuses options that an API has no use for", async () => {
  const program = `
    process.env.EMBEDDING_PROVIDER = "api";
    const { run } = await import("./dist/cli/run.js");
    process.exitCode = await run(["similarity", "--threads", "2", "a", "b"]);`;
  const { code, stderr } = await finished(startNode(program));
  expect(code).toBe(2);
  expect(stderr).toMatch(/--threads is for a model in this process/);
});

it("commands use it too, and say on stderr when they fall back", async () => {
  expect(existsSync(path.join(root, "dist/cli/main.js"))).toBe(true);
  const program = `
    process.argv = [process.argv[0], "cli", "embed", "--format", "text", "--model", ${JSON.stringify(tinyModel)}, "a text"];
    process.env.EMBEDDING_PROVIDER = "api-with-local-fallback";
    process.env.EMBEDDING_API_BASE_URL = ${JSON.stringify(api.url)};
    const { run } = await import("./dist/cli/run.js");
    process.exitCode = await run(process.argv.slice(2));`;
  const first = await finished(startNode(program));
  expect(first).toMatchObject({ code: 0, stderr: "" });
  // The proof of the space, then no answer to the texts.
  api.fault = ({ body, response, answer }) => {
    if (body.input.includes("a text")) response.writeHead(501, { "x-should-retry": "false" }).end();
    else void answer().then((whole) => response.end(JSON.stringify(whole)));
  };
  const second = await finished(startNode(program));
  expect(second.stderr).toMatch(
    /^candle-embed: NativeBackend answers in place of ApiBackend, which failed: .*501/,
  );
  const vectors = [first, second].map(({ stdout }) =>
    stdout
      .trim()
      .split(/[\s,]+/)
      .map(Number),
  );
  expect(largestDifference(vectors[0] as number[], vectors[1] as number[])).toBeLessThan(1e-6);
});

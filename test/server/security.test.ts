import { writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { createServer, type LogRecord } from "candle-embed/server";

import { errorOf, FakeBackend, get, post, startServer } from "./support.js";
import { temporaryFolder } from "../native/support.js";

const models = { fake: new FakeBackend() };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** Sends headers that fetch would set itself, and gives the status. */
function send(
  port: number,
  headers: Record<string, string | string[]>,
  options: { path?: string; method?: string } = {},
) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
    (resolve, reject) => {
      const { path: target = "/v1/models", method = "GET" } = options;
      const message = request({ host: "127.0.0.1", port, path: target, method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      });
      message.on("error", reject);
      message.end(method === "POST" ? '{"input":"a"}' : undefined);
    },
  );
}

describe("keys", async () => {
  const file = path.join(temporaryFolder(), "keys");
  writeFileSync(file, "file-key-1\nfile-key-2\r\n\n");
  const records: LogRecord[] = [];
  const { url, port } = await startServer({
    models,
    apiKeys: ["option-key"],
    apiKeyFile: file,
    apiKeyCommand: [process.execPath, "-e", "console.log('command-key')"],
    log: (record) => records.push(record),
    logLevel: "debug",
  });
  const embeddings = `${url}/v1/embeddings`;

  it.each(["option-key", "file-key-1", "file-key-2", "command-key"])("takes %s", async (key) => {
    expect((await post(embeddings, { input: "a" }, bearer(key))).status).toBe(200);
    expect((await get(`${url}/metrics`, bearer(key))).status).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    ["none", {}],
    ["an empty one", { authorization: "" }],
    ["no key", { authorization: "Bearer " }],
    ["another scheme", { authorization: "Basic b3B0aW9uLWtleQ==" }],
    ["a short one", bearer("option-ke")],
    ["a long one", bearer("option-keyy")],
    ["a very long one", bearer("k".repeat(8_000))],
    ["a binary one", bearer("\xff\x80option-key")],
    ["two", bearer("option-key, file-key-1")],
    ["another header", { "api-key": "option-key" }],
  ])("refuses %s, always with the same words", async (_, headers) => {
    const answer = await post(embeddings, { input: "a" }, headers);
    expect(answer.status).toBe(401);
    expect(errorOf(answer)).toEqual({
      message: "a valid API key is needed: Authorization: Bearer KEY",
      type: "authentication_error",
      param: null,
      code: "invalid_api_key",
    });
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });

  it("guards every route but the probes", async () => {
    for (const each of ["/v1/models", "/v1/models/fake", "/info", "/metrics", "/nothing"]) {
      expect((await get(url + each)).status, each).toBe(401);
    }
    for (const each of ["/health", "/ready"]) expect((await get(url + each)).status, each).toBe(200);
    expect((await post(`${url}/tokenize`, { input: "a" })).status).toBe(401);
    expect((await post(`${url}/similarity`, { input: "a" })).status).toBe(401);
  });

  it("never writes keys or texts into the log, whatever fails", async () => {
    await post(embeddings, { input: "a very private text" }, bearer("option-key"));
    await post(embeddings, { input: "a very private text", model: "private" }, bearer("option-key"));
    await post(embeddings, '{"input": "a very private text"', bearer("option-key"));
    await post(embeddings, { input: "a very private text" }, bearer("wrong-key"));
    await send(port, bearer("option-key"), { path: "/private-path?private=1" });
    const log = JSON.stringify(records);
    expect(records.length).toBeGreaterThan(10);
    expect(log).not.toMatch(/-key|private/);
  });

  it("are not shown by errors of the options", async () => {
    for (const apiKeys of [["has space"], [""], "secret", [1]]) {
      const error = await createServer({ models, apiKeys: apiKeys as string[] }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code: "INVALID_INPUT" });
      expect(String(error)).not.toMatch(/has space|secret/);
    }
    await expect(createServer({ models, apiKeyFile: `${file}-absent` })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      cause: { code: "ENOENT" },
    });
    writeFileSync(`${file}-empty`, "\n");
    await expect(createServer({ models, apiKeyFile: `${file}-empty` })).rejects.toThrow(/is empty/);
    await expect(createServer({ models, apiKeyCommand: ["false"] })).rejects.toMatchObject({
      code: "API_KEY_COMMAND_FAILED",
    });
  });
});

describe("addresses", () => {
  it.each(["0.0.0.0", "::", "192.0.2.1", "example.org"])(
    "does not listen on %s without a key",
    async (host) => {
      const server = await createServer({ models });
      await expect(server.listen({ host, port: 0 })).rejects.toThrow(
        /can be reached by others: set an API key/,
      );
      await server.close();
    },
  );

  it.each([{ apiKeys: ["key"] }, { allowUnauthenticated: true }])("does with %o", async (options) => {
    const server = await createServer({ models, ...options });
    const { port } = await server.listen({ host: "0.0.0.0", port: 0 });
    expect((await get(`http://127.0.0.1:${String(port)}/health`)).status).toBe(200);
    await server.close();
  });

  it.each([
    ["localhost", 200],
    ["localhost:1234", 200],
    ["LocalHost", 200],
    ["127.0.0.1", 200],
    ["[::1]:80", 200],
    ["192.168.1.7:8080", 200],
    ["my.name", 200],
    ["MY.NAME:99", 200],
    ["evil.example", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.nip.example", 403],
    ["my.name.evil.example", 403],
    ["[::1", 403],
    ["a@localhost", 403],
  ])("answers Host %j with %i", async (host, status) => {
    const { port } = await startServer({ models, allowedHosts: ["my.name"] });
    const answer = await send(port, { host });
    expect(answer.status).toBe(status);
  });

  it("takes any Host where a key is needed, which a rebound page does not have", async () => {
    const { port } = await startServer({ models, apiKeys: ["key"] });
    expect((await send(port, { host: "evil.example" })).status).toBe(401);
    expect((await send(port, { host: "inner.example", ...bearer("key") })).status).toBe(200);
  });
});

describe("web pages", () => {
  it("of other origins are refused, and told nothing", async () => {
    const { port } = await startServer({ models });
    for (const origin of [
      "https://evil.example",
      "null",
      "http://127.0.0.1:1",
      `http://127.0.0.1.evil:${String(port)}`,
    ]) {
      const post = await send(
        port,
        { origin, "content-type": "application/json" },
        { path: "/v1/embeddings", method: "POST" },
      );
      expect(post.status, origin).toBe(403);
      expect(Object.keys(post.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
      const preflight = { origin, "access-control-request-method": "POST" };
      expect((await send(port, preflight, { path: "/v1/embeddings", method: "OPTIONS" })).status).toBe(403);
    }
  });

  it("of its own are answered", async () => {
    const { port } = await startServer({ models });
    expect((await send(port, { origin: `http://127.0.0.1:${String(port)}` })).status).toBe(200);
  });

  it("of allowed origins get what a browser asks for, and may read the request's id", async () => {
    const { port } = await startServer({ models, apiKeys: ["key"], corsOrigins: ["https://app.example"] });
    const origin = "https://app.example";
    const preflight = await send(
      port,
      {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stainless-lang",
      },
      { path: "/v1/embeddings", method: "OPTIONS" },
    );
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        "access-control-allow-origin": origin,
        "access-control-allow-headers": "authorization,content-type,x-stainless-lang",
        vary: "Origin",
      },
    });
    const answer = await send(port, { origin, ...bearer("key") });
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": expect.stringContaining("x-request-id") as string,
      },
    });
    // An error can be read as well.
    expect(await send(port, { origin })).toMatchObject({
      status: 401,
      headers: { "access-control-allow-origin": origin },
    });
    expect((await send(port, { origin: "https://other.example", ...bearer("key") })).status).toBe(403);
  });
});

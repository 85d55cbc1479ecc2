import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";

import { temporaryFolder } from "../native/support.js";
import { answerWith, FakeApi, vectorOf } from "./fake-api.js";
import { connect, errorOf } from "./support.js";

const api = await FakeApi.start();
const folder = temporaryFolder();
const runs = path.join(folder, "runs");
const keyFile = path.join(folder, "key");

/** A program that notes that it ran. */
const node = (program: string): string[] => [
  process.execPath,
  "-e",
  `require("fs").appendFileSync(${JSON.stringify(runs)}, "x"); ${program}`,
];
const printKey = node(`process.stdout.write(require("fs").readFileSync(${JSON.stringify(keyFile)}))`);

beforeEach(() => {
  writeFileSync(runs, "");
  writeFileSync(keyFile, "sk-first-key\n");
  api.keys.clear();
  api.keys.add("sk-first-key");
  api.requests.length = 0;
  api.faults.length = 0;
});

const countRuns = (): number => readFileSync(runs, "utf8").length;

describe("a key", () => {
  it("is sent as a bearer token, beside headers", async () => {
    const backend = await connect(api, { apiKey: "sk-first-key", headers: { "X-Team": "search" } });
    expect(await backend.embedQuery("a")).toEqual(vectorOf("a"));
    expect(api.requests[0]?.headers).toMatchObject({
      authorization: "Bearer sk-first-key",
      "x-team": "search",
    });
  });

  it("gives way to a header of the caller's", async () => {
    api.keys.clear();
    const headers = { authorization: "Basic bWU6c2VjcmV0" };
    await (await connect(api, { apiKey: "sk-first-key", headers })).embed("a");
    expect(api.requests[0]?.headers.authorization).toBe(headers.authorization);
  });

  it("can come from a function, called before each request", async () => {
    let calls = 0;
    const backend = await connect(api, {
      apiKey: () => Promise.resolve(calls++ > 0 ? "sk-first-key" : "old"),
    });
    await backend.embed("a");
    await backend.embed("a");
    expect(calls).toBe(3);
  });

  it("that the API refuses is no reason to try again, and is not shown", async () => {
    const backend = await connect(api, { apiKey: "sk-wrong-key" });
    const error = await errorOf(backend.embed("a"));
    expect(error).toMatchObject({
      code: "API_ERROR",
      status: 401,
      apiCode: "invalid_api_key",
      retryable: false,
    });
    expect(JSON.stringify(error) + error.message + String(error.stack)).not.toContain("sk-wrong-key");
    expect(api.requests).toHaveLength(1);
  });
});

describe("a key command", () => {
  it("runs once for many calls, also at a time", async () => {
    const backend = await connect(api, { apiKeyCommand: printKey, batchSize: 1 });
    await Promise.all(["a", "b", "c"].map((text) => backend.embed([text, text])));
    await backend.embed("d");
    expect(countRuns()).toBe(1);
  });

  it("runs once more when the key has changed, for all calls", async () => {
    const backend = await connect(api, { apiKeyCommand: printKey });
    await backend.embed("a");
    writeFileSync(keyFile, "sk-second-key");
    api.keys.clear();
    api.keys.add("sk-second-key");
    await Promise.all(["a", "b", "c"].map((text) => backend.embed(text)));
    expect(countRuns()).toBe(2);
  });

  it("runs once more only, when the API takes neither key", async () => {
    api.keys.clear();
    api.keys.add("sk-another");
    const backend = await connect(api, { apiKeyCommand: printKey });
    expect(await errorOf(backend.embed("a"))).toMatchObject({ status: 401 });
    expect(countRuns()).toBe(2);
  });

  it("is tried again by the next call after it failed", async () => {
    writeFileSync(keyFile, "");
    const backend = await connect(api, { apiKeyCommand: printKey });
    expect((await errorOf(backend.embed("a"))).message).toMatch(/printed nothing/);
    appendFileSync(keyFile, "sk-first-key");
    expect(await backend.embedQuery("a")).toEqual(vectorOf("a"));
  });

  it.each([
    ["prints nothing", node(""), /printed nothing/],
    ["prints two lines", node("console.log('secret-1'); console.log('secret-2')"), /one line/],
    ["prints a megabyte", node("console.log('secret'.repeat(200000))"), /more than 64 KB/],
    ["fails", node("console.error('secret'); console.log('secret'); process.exit(3)"), /ended with code 3/],
    ["is killed", node("process.kill(process.pid, 'SIGTERM')"), /ended by SIGTERM/],
    ["is not there", ["/no/such/program", "secret"], /could not be started \(ENOENT\)/],
    ["is a shell line", ["echo secret | cat"], /could not be started/],
  ])("that %s is an error without what it printed", async (_, apiKeyCommand, message) => {
    const backend = await connect(api, { apiKeyCommand });
    const error = await errorOf(backend.embed("a"));
    expect(error.code).toBe("API_KEY_COMMAND_FAILED");
    expect(error.message).toMatch(message);
    if (apiKeyCommand.length > 1) expect(error.message).not.toMatch(/secret/);
    expect(api.requests).toEqual([]);
  });

  it("that hangs does not hold a call beyond its time", async () => {
    const backend = await connect(api, { apiKeyCommand: node("setTimeout(() => {}, 5000)"), timeout: 300 });
    expect(await errorOf(backend.embed("a"))).toMatchObject({ code: "API_ERROR", retryable: true });
  });
});

it("a key that an API repeats in an error is taken out", async () => {
  const key = "sk-first-key";
  api.faults.push(
    answerWith(400, { error: { message: `you sent Bearer ${key} and ${btoa(key)}`, code: key } }),
  );
  const backend = await connect(api, { apiKey: key });
  const error = await errorOf(backend.embed("a"));
  expect(error.message).toMatch(/answered 400: you sent Bearer \[key\] and \[key\]/);
  expect(error.apiCode).toBe("[key]");
});

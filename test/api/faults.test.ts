import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";

import { answerWith, FakeApi, reset, stall, vectorOf, type Fault } from "./fake-api.js";
import { connect, errorOf } from "./support.js";

const api = await FakeApi.start();

beforeEach(() => {
  api.requests.length = 0;
  api.faults.length = 0;
  api.fault = undefined;
});

const soon = { "retry-after-ms": "1" };

/** The right answer, changed. */
function changed(change: (answer: Record<string, never>, data: Record<string, unknown>[]) => unknown): Fault {
  return async ({ response, answer }) => {
    const whole = await answer();
    const result = change(whole as Record<string, never>, whole["data"] as Record<string, unknown>[]);
    response.end(typeof result === "string" ? result : JSON.stringify(result ?? whole));
  };
}

const halfBody: Fault = ({ response }) => {
  response.writeHead(200, { "Content-Length": 1000 });
  response.write('{"data":', () => response.socket?.resetAndDestroy());
};

describe("a fault that passes", () => {
  it.each<[string, Fault]>([
    ["408", answerWith(408, "", soon)],
    ["409", answerWith(409, "", soon)],
    ["429 with a pause in milliseconds", answerWith(429, "", soon)],
    ["429 with a pause in seconds", answerWith(429, "", { "Retry-After": 0 })],
    ["429 with a pause until a time", answerWith(429, "", { "Retry-After": new Date().toUTCString() })],
    ["500", answerWith(500, "<html>", soon)],
    ["503", answerWith(503, "", soon)],
    [
      "424, of which the server says that it passes",
      answerWith(424, "", { ...soon, "x-should-retry": "true" }),
    ],
    ["a broken connection", reset],
    ["half an answer", halfBody],
  ])("%s: the request is sent again", async (_, fault) => {
    api.faults.push(fault);
    const backend = await connect(api);
    expect(await backend.embedQuery("a")).toEqual(vectorOf("a"));
    expect(api.requests).toHaveLength(2);
  });
});

describe("a fault that stays", () => {
  it.each<[string, Fault, object, number]>([
    ["500", answerWith(500, { error: { message: "down" } }, soon), { status: 500, retryable: true }, 3],
    ["429", answerWith(429, "", soon), { status: 429, retryable: true }, 3],
    ["400", answerWith(400, { error: { message: "no", code: "bad" } }), { status: 400, apiCode: "bad" }, 1],
    ["TEI's flat error", answerWith(422, { message: "m", type: "Validation" }), { apiCode: "Validation" }, 1],
    ["404", answerWith(404, { detail: "no such model" }), { status: 404, retryable: false }, 1],
    ["500 that will not pass", answerWith(500, "", { "x-should-retry": "false" }), { retryable: false }, 1],
    [
      "a redirect",
      answerWith(308, "", { Location: "http://127.0.0.1:9/" }),
      { status: 308, retryable: false },
      1,
    ],
    ["another name for it", answerWith(400, "", { "x-request-id": "req_1" }), { requestId: "req_1" }, 1],
  ])("%s ends in an error that says what it was", async (_, fault, properties, requests) => {
    api.fault = fault;
    const backend = await connect(api);
    expect(await errorOf(backend.embed("a"))).toMatchObject({ code: "API_ERROR", ...properties });
    expect(api.requests).toHaveLength(requests);
  });

  it("nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const backend = await connect(api, { baseUrl: `http://127.0.0.1:${String(port)}/v1`, maxRetries: 0 });
    const error = await errorOf(backend.embed("a"));
    expect(error).toMatchObject({ code: "API_ERROR", retryable: true });
    expect(error.message).toMatch(/could not be reached: .*ECONNREFUSED/);
  });

  it.each<[string, Fault]>([
    ["no answer", stall],
    [
      "an answer that stands still",
      ({ response }) => {
        response.writeHead(200).write("{");
      },
    ],
    ["a pause beyond the deadline", answerWith(429, "", { "Retry-After": 30 })],
  ])("%s: the call ends in its time", async (_, fault) => {
    api.fault = fault;
    const backend = await connect(api, { timeout: 200 });
    const start = performance.now();
    expect(await errorOf(backend.embed("a"))).toMatchObject({ code: "API_ERROR", retryable: true });
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("one part of many: the others are given up", async () => {
    api.faults.push(answerWith(400, "no"));
    api.fault = stall;
    const backend = await connect(api, { batchSize: 1 });
    expect(await errorOf(backend.embed(["a", "b", "c"]))).toMatchObject({ status: 400 });
  });
});

describe("an answer with status 200 that is not what was asked for", () => {
  const bomb = gzipSync(Buffer.alloc(200_000_000, "1"));

  it.each<[string, Fault, RegExp]>([
    ["a web page", answerWith(200, "<!doctype html>"), /a web page/],
    ["nothing", answerWith(200, ""), /not JSON/],
    ["null", answerWith(200, "null"), /not a JSON object/],
    ["an error", answerWith(200, { error: { message: "x" } }), /an error with status 200/],
    ["no list", answerWith(200, { data: {} }), /no list "data"/],
    ["a vector too few", changed((_, data) => void data.pop()), /1 vectors for 2 texts/],
    ["a vector too many", changed((_, data) => void data.push({ ...data[0], index: 2 })), /3 vectors for 2/],
    ["an index twice", changed((_, data) => void Object.assign(data[1] ?? {}, { index: 0 })), /two vectors/],
    ["an index beyond", changed((_, data) => void Object.assign(data[1] ?? {}, { index: 2 })), /from 0 to 1/],
    [
      "no index",
      changed((_, data) => {
        delete data[1]?.["index"];
      }),
      /"index"/,
    ],
    ["a text index", changed((_, data) => void Object.assign(data[1] ?? {}, { index: "1" })), /"index"/],
    [
      "null for a vector",
      changed((_, data) => void Object.assign(data[1] ?? {}, { embedding: null })),
      /neither/,
    ],
    [
      "numbers and null",
      changed((_, data) => void Object.assign(data[1] ?? {}, { embedding: [1, null] })),
      /not a number/,
    ],
    [
      "numbers and text",
      changed((_, data) => void Object.assign(data[1] ?? {}, { embedding: [1, "2"] })),
      /not a number/,
    ],
    [
      "too few numbers",
      changed((_, data) => void Object.assign(data[1] ?? {}, { embedding: [1, 2] })),
      /2 dimensions, not 8/,
    ],
    [
      "no numbers",
      changed((_, data) => void Object.assign(data[1] ?? {}, { embedding: [] })),
      /an empty vector for text 1/,
    ],
    [
      "a number beyond float32",
      changed((_, data) => void Object.assign(data[1] ?? {}, { embedding: [1e39, 0, 0, 0, 0, 0, 0, 0] })),
      /not finite/,
    ],
    [
      "zeros",
      changed((_, data) => void Object.assign(data[1] ?? {}, { embedding: [0, 0, 0, 0, 0, 0, 0, 0] })),
      /vector of zeros for text 1/,
    ],
    [
      "bad base64",
      changed((_, data) => void Object.assign(data[1] ?? {}, { embedding: "*".repeat(44) })),
      /not base64/,
    ],
    [
      "base64 of half a number",
      changed(
        (_, data) => void Object.assign(data[1] ?? {}, { embedding: Buffer.alloc(30).toString("base64") }),
      ),
      /whole float32/,
    ],
    [
      "NaN in base64",
      changed(
        (_, data) =>
          void Object.assign(data[1] ?? {}, { embedding: Buffer.alloc(32, 255).toString("base64") }),
      ),
      /not finite/,
    ],
    [
      "200 MB, packed into 200 KB",
      answerWith(200, bomb, { "Content-Encoding": "gzip" }),
      /more than \d+ bytes/,
    ],
    [
      "no end",
      ({ response }) => {
        const more = (): void => {
          while (!response.destroyed && response.write("1".repeat(65_536)));
        };
        response.on("drain", more);
        more();
      },
      /more than \d+ bytes/,
    ],
  ])("%s is refused", async (_, fault, message) => {
    api.fault = fault;
    const backend = await connect(api);
    const error = await errorOf(backend.embed(["a", "b"]));
    expect(error.code).toBe("API_RESPONSE_INVALID");
    expect(error.message).toMatch(message);
  });
});

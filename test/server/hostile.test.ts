// What comes from clients that mean no good, or know no better: refused in bounded memory and time, while others are served.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";

import { get, loadForTests, patience, post, startServer } from "./support.js";
import { tinyModel } from "../native/support.js";

const backend = await loadForTests(tinyModel);
const { url, port, server } = await startServer({ models: { tiny: backend } });
const embeddings = `${url}/v1/embeddings`;

async function isWell(): Promise<void> {
  expect((await post(embeddings, { input: "still here?" })).status).toBe(200);
}

const sockets = new Set<Socket>();
afterAll(() => {
  for (const socket of sockets) socket.destroy();
});

/** Opens a connection and gives what comes back until it is closed. */
function open(): { socket: Socket; answer: Promise<string> } {
  const socket = connect(port, "127.0.0.1");
  sockets.add(socket);
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
    socket.on("error", () => undefined);
    socket.once("close", () => {
      sockets.delete(socket);
      resolve(text);
    });
  });
  return { socket, answer };
}

/** Sends bytes; where the server waits for more, the end comes so many milliseconds later. */
async function sendRaw(bytes: string | Uint8Array, endAfter = 5_000): Promise<string> {
  const { socket, answer } = open();
  socket.write(bytes);
  const timer = setTimeout(() => socket.end(), endAfter);
  return answer.finally(() => {
    clearTimeout(timer);
  });
}

const head = (headers: string, path = "/v1/embeddings"): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n`;

describe("bodies", () => {
  it("of 100 MB are refused before they are read, announced or not", async () => {
    const announced = await sendRaw(`${head("Content-Length: 100000000\r\n")}{`);
    expect(announced).toMatch(/^HTTP\/1\.1 413 [\s\S]*"request_too_large"/);
    const expecting = await sendRaw(head("Content-Length: 100000000\r\nExpect: 100-continue\r\n"));
    expect(expecting).toMatch(/^HTTP\/1\.1 413 /);

    const before = process.memoryUsage.rss();
    const { socket, answer } = open();
    socket.write(head("Transfer-Encoding: chunked\r\n"));
    const megabyte = `${(1_000_000).toString(16)}\r\n${" ".repeat(1_000_000)}\r\n`;
    let most = 0;
    for (let sent = 0; sent < 100 && socket.writable; sent++) {
      if (!socket.write(megabyte)) await Promise.race([once(socket, "drain"), answer]);
      most = Math.max(most, process.memoryUsage.rss() - before);
    }
    socket.end();
    expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
    // Three times the limit of a body.
    expect(most).toBeLessThan(24_000_000 * 3);
    await isWell();
  });

  it("with JSON of 100,000 levels are refused, or read to no harm", async () => {
    for (const body of [
      "[".repeat(100_000) + "]".repeat(100_000),
      `{"input":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      `${'{"input":'.repeat(100_000)}1${"}".repeat(100_000)}`,
      "[".repeat(1_000_000),
    ]) {
      expect((await post(embeddings, body)).status).toBe(400);
    }
    await isWell();
  });

  it("with keys of the prototype change nothing", async () => {
    const body =
      '{"__proto__":{"input":"a","model":"absent"},"constructor":{"prototype":{"x":1}},"input":"b"}';
    expect((await post(embeddings, body)).status).toBe(200);
    expect((await post(embeddings, '{"__proto__":{"input":"a"}}')).status).toBe(400);
    expect((await post(embeddings, { input: "a", model: "__proto__" })).status).toBe(404);
    expect((await post(embeddings, { input: "a", model: "constructor" })).status).toBe(404);
    expect((await post(embeddings, { input: "a", prompt_name: "__proto__" })).status).toBe(400);
    for (const path of ["__proto__", "constructor", "/v1/models/__proto__"]) {
      expect((await fetch(`${url}/${path}`)).status).toBe(404);
    }
    expect(Reflect.ownKeys(Object.prototype)).not.toContain("x");
    expect(({} as Record<string, unknown>)["input"]).toBe(undefined);
  });

  it("that are packed are refused unread", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, " "));
    const { status } = await post(embeddings, bomb, { "content-encoding": "gzip" });
    expect(status).toBe(415);
  });

  it("that break off cost nothing", async () => {
    for (let round = 0; round < 20; round++) {
      const { socket } = open();
      socket.write(`${head("Content-Length: 5000000\r\n")}{"input":"`);
      await sleep(2);
      socket.destroy();
    }
    await isWell();
  });
});

describe("connections", () => {
  it("that are slow are cut off, and hold up nobody", async () => {
    const slow = Array.from({ length: 200 }, (_, index) => {
      const connection = open();
      connection.socket.write(
        index % 2 === 0 ? "POST /v1/embeddings HTTP/1.1\r\nX:" : `${head("Content-Length: 500\r\n")}{`,
      );
      return connection;
    });
    const drip = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write("a");
    }, 500);
    for (let round = 0; round < 20; round++) await isWell();
    // Headers have 10 seconds, and are looked at every 2.
    const late = sleep(20_000).then(() => "late");
    const halves = slow.filter((_, index) => index % 2 === 0).map(({ answer }) => answer);
    const answers = await Promise.race([Promise.all(halves), late]);
    clearInterval(drip);
    expect(answers).not.toBe("late");
    for (const answer of answers as string[]) expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*"error"|^$/);
    for (const { socket } of slow) socket.destroy();
    await isWell();
  });

  it.each<[string, string, RegExp]>([
    ["no HTTP", "\u0016\u0003\u0001 hello\r\n\r\n", /^HTTP\/1\.1 400 [\s\S]*"error"/],
    [
      "headers without end",
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"a".repeat(50_000)}`,
      /^HTTP\/1\.1 431 [\s\S]*"error"/,
    ],
    ["no Host", "GET /health HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["an empty Host", "GET /v1/models HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 403 /],
    ["no Host in HTTP/1.0", "GET /v1/models HTTP/1.0\r\n\r\n", /^HTTP\/1\.1 403 /],
    ["two lengths", head("Content-Length: 2\r\nContent-Length: 3\r\n") + "{}", /^HTTP\/1\.1 400 /],
    [
      "length and chunks",
      head("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") + "{}",
      /^HTTP\/1\.1 400 /,
    ],
    ["a negative length", head("Content-Length: -1\r\n"), /^HTTP\/1\.1 400 /],
    ["a broken chunk", head("Transfer-Encoding: chunked\r\n") + "zz\r\n", /^HTTP\/1\.1 400 /],
    ["CONNECT", "CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", /^$/],
    [
      "a whole URL as the target",
      "GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 404 /,
    ],
    [
      "a target that is no path",
      "GET * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 404 /,
    ],
  ])("with %s get an error, not a crash", async (_, bytes, expected) => {
    expect(await sendRaw(bytes)).toMatch(expected);
    await isWell();
  });

  it("that do not take their answers fill no more memory than bodies may", async () => {
    const large = await startServer({ models: { mini: await loadForTests() }, maxPendingBytes: 3_000_000 });
    const body = JSON.stringify({ input: new Array<string>(2_048).fill("a") });
    const socket = connect(large.port, "127.0.0.1").pause();
    sockets.add(socket);
    socket.write(`${head(`Content-Length: ${String(body.length)}\r\n`)}${body}`);
    const ask = async () => (await post(`${large.url}/v1/embeddings`, { input: "a" })).status;
    // Ten megabytes of floats, more than the system takes for a client that does not read.
    await expect.poll(ask, patience).toBe(429);
    socket.resume();
    await expect.poll(ask, patience).toBe(200);
    socket.destroy();
  });

  it("answer two requests that were sent at once, in order", async () => {
    const body = (text: string): string => JSON.stringify({ input: text });
    const message = (text: string, more = ""): string =>
      head(`Content-Length: ${String(body(text).length)}\r\nX-Request-Id: ${text}\r\n${more}`) + body(text);
    const answer = await sendRaw(message("first") + message("second", "Connection: close\r\n"));
    expect([...answer.matchAll(/x-request-id: (\w+)/g)].map(([, id]) => id)).toEqual(["first", "second"]);
  });
});

describe("10,000 random requests", () => {
  const names = [
    ...[
      "input",
      "model",
      "dimensions",
      "encoding_format",
      "input_type",
      "prompt_name",
      "truncate",
      "normalize",
    ],
    ...["user", "compare_with", "add_special_tokens", "__proto__", "constructor", "toString", ""],
  ];
  const value = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.array(fc.string({ maxLength: 10 }), { maxLength: 6 }),
    fc.array(fc.nat({ max: 200_000 }), { maxLength: 6 }),
    fc.array(fc.array(fc.integer(), { maxLength: 4 }), { maxLength: 4 }),
    fc.constantFrom(
      "tiny",
      "float",
      "base64",
      "query",
      "end",
      "start",
      "error",
      0,
      1,
      16,
      -1,
      1e30,
      null,
      true,
      {},
      [],
    ),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const body = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 6 }).map(toJson),
    },
    { weight: 1, arbitrary: fc.json({ maxDepth: 4 }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  );
  const path = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom("/v1/embeddings", "/embeddings", "/tokenize", "/similarity") },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "/",
        "/v1/models",
        "/v1/models/%",
        "/metrics",
        "/info",
        "/ready",
        "//",
        "/v1/models/..",
      ),
    },
    { weight: 1, arbitrary: fc.webPath().map((each) => `/${each}`) },
  );
  const options = {
    numRuns: 2_500,
    seed: Number(process.env["CANDLE_EMBED_FUZZ_SEED"] ?? 7),
    endOnFailure: true,
  };
  const refused = [200, 400, 404, 405, 413, 415];

  it("through the handler: no crash, no 5xx, no hang", async () => {
    const request = fc.record({ path, body, method: fc.constantFrom("POST", "POST", "POST", "GET", "PUT") });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 3, maxLength: 3 }), async (requests) => {
        const statuses = requests.map(async ({ path: target, body: content, method }) => {
          const response = await server.fetch(`http://localhost${target}`, {
            method,
            headers: { "content-type": "application/json" },
            ...(method !== "GET" && { body: content }),
          });
          const text = await response.text();
          if (response.status >= 400) expect(JSON.parse(text)).toHaveProperty("error.message");
          return response.status;
        });
        for (const status of await withinSeconds(5, Promise.all(statuses))) expect(refused).toContain(status);
      }),
      options,
    );
  }, 120_000);

  it("as bytes on a socket: no crash, no 5xx, no hang", async () => {
    const spoiled = fc.record({
      path,
      body,
      headers: fc.array(
        fc.constantFrom(
          ...[
            "Content-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Expect: 100-continue\r\n",
            "X: \u0000\r\n",
          ],
          ...[
            "Content-Encoding: gzip\r\n",
            "Origin: null\r\n",
            "Upgrade: websocket\r\nConnection: upgrade\r\n",
            "\r\n",
          ],
        ),
        { maxLength: 2 },
      ),
      cut: fc.nat({ max: 300 }),
      flip: fc.option(fc.nat({ max: 200 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(spoiled, { minLength: 10, maxLength: 10 }), async (requests) => {
        const answers = requests.map(({ path: target, body: content, headers, cut, flip }) => {
          const length =
            headers.length > 0 ? "" : `Content-Length: ${String(Buffer.byteLength(content))}\r\n`;
          const bytes = Buffer.from(head(headers.join("") + length, target) + content);
          if (flip !== null && flip < bytes.length) bytes[flip] = (bytes[flip] as number) ^ 0x55;
          return sendRaw(bytes.subarray(0, Math.max(1, bytes.length - Math.max(0, cut - 200))), 50);
        });
        for (const text of await withinSeconds(5, Promise.all(answers))) {
          expect(text).toMatch(/^$|^HTTP\/1\.1 (?:100|2\d\d|4\d\d) /);
        }
      }),
      { ...options, numRuns: 250 },
    );
    await isWell();
  }, 120_000);
});

function toJson(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`).join(",")}}`;
}

async function withinSeconds<Result>(seconds: number, work: Promise<Result>): Promise<Result> {
  const timer = new AbortController();
  const late = sleep(1_000 * seconds, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${String(seconds)} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}

describe("a server that stops", () => {
  it("does not wait for connections that never sent anything, and answers one that has begun to", async () => {
    const stopping = await startServer({ models: { tiny: backend } });
    const silent = [1, 2, 3].map(() => connect(stopping.port, "127.0.0.1"));
    await Promise.all(silent.map((socket) => once(socket, "connect")));
    const slow = connect(stopping.port, "127.0.0.1");
    slow.write("GET /health HTTP/1.1\r\n");
    // So that the server has seen all of them.
    expect((await get(`${stopping.url}/health`)).status).toBe(200);
    const start = performance.now();
    const closed = stopping.server.close({ deadlineMs: 20_000 });
    await Promise.all(silent.map((socket) => once(socket, "close")));
    slow.write("Host: localhost\r\n\r\n");
    const [answer] = (await once(slow, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
    await closed;
    // Half a second, on a busy machine.
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

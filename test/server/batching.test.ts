import fc from "fast-check";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";

import { CandleEmbedError, NativeBackend } from "candle-embed";

import {
  deferred,
  errorOf,
  FakeBackend,
  fakeVector,
  get,
  patience,
  post,
  startServer,
  vectorsOf,
  type Answer,
} from "./support.js";

/** A server whose backend's first call after the warm-up waits until it is told to go on. */
async function startBlocked(options: Partial<Parameters<typeof startServer>[0]> = {}) {
  const backend = new FakeBackend();
  const server = await startServer({ models: { fake: backend }, concurrency: 1, ...options });
  backend.calls.length = 0;
  const first = deferred();
  backend.work = async () => {
    if (backend.calls.length === 1) await first.promise;
  };
  const url = `${server.url}/v1/embeddings`;
  const blocker = post(url, { input: "blocker" });
  await expect.poll(() => backend.calls.length, patience).toBe(1);
  /** Sends a request and waits until it stands in the queue. */
  const enqueue = async (body: unknown, signal?: AbortSignal): Promise<{ answer: Promise<Answer> }> => {
    const before = await queued(server.url);
    const answer = post(url, body, {}, signal);
    answer.catch(() => undefined);
    await expect.poll(() => queued(server.url), patience).toBe(before + 1);
    return { answer };
  };
  return { ...server, backend, blocker, release: first.resolve, enqueue, embeddings: url };
}

async function queued(url: string): Promise<number> {
  const { text } = await get(`${url}/metrics`);
  return Number(/^te_queue_size\{model="fake"\} (\d+)$/m.exec(text)?.[1]);
}

describe("the queue", () => {
  it("puts what waits into one call, and gives everyone their own vectors", async () => {
    const { backend, blocker, release, enqueue } = await startBlocked();
    const inputs = [["a"], ["b", "c"], ["d"]];
    const answers: Promise<Answer>[] = [];
    for (const input of inputs) answers.push((await enqueue({ input })).answer);
    release();
    expect((await blocker).status).toBe(200);
    for (const [index, answer] of answers.entries()) {
      expect(vectorsOf(await answer).map((row) => Array.from(row))).toEqual(inputs[index]?.map(fakeVector));
    }
    expect(backend.calls).toEqual([["blocker"], ["a", "b", "c", "d"]]);
  });

  it("does not mix requests with different options", async () => {
    const { backend, release, enqueue } = await startBlocked();
    const a = await enqueue({ input: "a" });
    const b = await enqueue({ input: "b", input_type: "query" });
    const c = await enqueue({ input: "c" });
    release();
    for (const { answer } of [a, b, c]) expect((await answer).status).toBe(200);
    expect(backend.calls).toEqual([["blocker"], ["a", "c"], ["b"]]);
  });

  it("lets small requests in between the parts of a huge one", async () => {
    const { backend, release, enqueue } = await startBlocked({ batchTokens: 512 });
    const input = Array.from({ length: 1_000 }, (_, index) => `text ${String(index)} of the huge request`);
    const huge = await enqueue({ input });
    const small = await enqueue({ input: "small" });
    release();
    expect((await small.answer).status).toBe(200);
    const callOfSmall = backend.calls.findIndex((texts) => texts.includes("small"));
    expect(callOfSmall).toBeLessThanOrEqual(2);
    expect(vectorsOf(await huge.answer).map((row) => Array.from(row))).toEqual(input.map(fakeVector));
    expect(backend.calls.length).toBeGreaterThan(10);
  });

  it("computes a text above the budget alone", async () => {
    const { backend, release, enqueue } = await startBlocked({ batchTokens: 64 });
    const long = "long ".repeat(400);
    const { answer } = await enqueue({ input: ["a", long, "b"] });
    release();
    expect(vectorsOf(await answer).map((row) => Array.from(row))).toEqual(["a", long, "b"].map(fakeVector));
    expect(backend.calls).toContainEqual([long]);
  });

  it("drops a request whose client has left before it is computed", async () => {
    const { backend, release, enqueue, url } = await startBlocked();
    const controller = new AbortController();
    const gone = await enqueue({ input: "gone" }, controller.signal);
    const stays = await enqueue({ input: "stays" });
    controller.abort();
    await expect(gone.answer).rejects.toThrow();
    await expect.poll(() => queued(url), patience).toBe(1);
    release();
    expect((await stays.answer).status).toBe(200);
    expect(backend.calls.flat()).not.toContain("gone");
    expect((await get(`${url}/metrics`)).text).toContain('te_request_failure{err="dropped"} 1');
  });

  it("ends the call under way when all its clients have left", async () => {
    const { backend, embeddings, blocker, release } = await startBlocked();
    release();
    await blocker;
    let aborted = false;
    backend.work = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => {
          aborted = true;
          reject(new CandleEmbedError("ABORTED", "aborted"));
        });
      });
    const controller = new AbortController();
    const answer = post(embeddings, { input: "a" }, {}, controller.signal);
    await expect.poll(() => backend.calls.length, patience).toBe(2);
    controller.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => aborted, patience).toBe(true);
  });

  it("answers 429 with a pause when it is full, at once, and recovers", async () => {
    const { url, embeddings, release, enqueue } = await startBlocked({ maxQueue: 2 });
    const waiting = [await enqueue({ input: "a" }), await enqueue({ input: "b" })];
    const refused = await post(embeddings, { input: "c" });
    expect([refused.status, errorOf(refused).code]).toEqual([429, "rate_limit_exceeded"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(Number(refused.headers.get("retry-after-ms"))).toBeGreaterThan(0);
    expect((await get(`${url}/health`)).status).toBe(200);
    release();
    for (const { answer } of waiting) expect((await answer).status).toBe(200);
    expect((await post(embeddings, { input: "c" })).status).toBe(200);
  });

  it("answers 429 when the wait would be longer than allowed", async () => {
    const { embeddings, release, enqueue } = await startBlocked({ maxWait: 5 });
    const first = await enqueue({
      input: Array.from({ length: 100 }, (_, i) => `some words, number ${String(i)}`),
    });
    const refused = await post(embeddings, { input: "c" });
    expect(refused.status).toBe(429);
    release();
    expect((await first.answer).status).toBe(200);
  });

  it("bounds the bytes of all bodies together", async () => {
    const { embeddings, release, enqueue } = await startBlocked({ maxPendingBytes: 3_000 });
    const first = await enqueue({ input: "x".repeat(2_000) });
    expect((await post(embeddings, { input: "y".repeat(2_000) })).status).toBe(429);
    release();
    expect((await first.answer).status).toBe(200);
    expect((await post(embeddings, { input: "y".repeat(2_000) })).status).toBe(200);
  });

  it("gives up a request that takes too long: 503", async () => {
    const { embeddings, blocker, release } = await startBlocked({ requestTimeout: 100 });
    const late = await post(embeddings, { input: "a" });
    expect([late.status, errorOf(late).code]).toEqual([503, "overloaded"]);
    expect((await blocker).status).toBe(503);
    release();
  });
});

describe("one request's fault", () => {
  it("does not fail those it shares a call with: the text is known", async () => {
    const { backend, release, enqueue } = await startBlocked();
    const answers = [];
    for (const input of [["a"], ["fine", "bad"], ["c"]]) answers.push((await enqueue({ input })).answer);
    backend.work = (texts) => {
      const index = texts.indexOf("bad");
      if (index !== -1) return Promise.reject(new CandleEmbedError("INPUT_TOO_LONG", "too long", { index }));
      return Promise.resolve();
    };
    release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 400, 200]);
  });

  it.each(["INTERNAL", "INVALID_INPUT"] as const)("nor where it is not known: %s", async (code) => {
    const { backend, release, enqueue } = await startBlocked();
    const answers = [];
    for (const input of [["a"], ["bad"], ["c"]]) answers.push((await enqueue({ input })).answer);
    backend.work = (texts) =>
      texts.includes("bad") ? Promise.reject(new CandleEmbedError(code, "no")) : Promise.resolve();
    release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([200, code === "INTERNAL" ? 500 : 400, 200]);
  });

  it("tells a fault of the server, and nothing of what it was", async () => {
    const backend = new FakeBackend();
    const { url } = await startServer({ models: { fake: backend } });
    for (const [error, status, retry] of [
      [new Error("secret detail"), 500, "false"],
      [new CandleEmbedError("API_ERROR", "secret detail", { status: 503, retryable: true }), 503, null],
      [new CandleEmbedError("API_ERROR", "secret detail", { status: 429, retryable: true }), 429, null],
      [new CandleEmbedError("API_ERROR", "secret detail", { status: 401 }), 500, "false"],
      [new CandleEmbedError("API_KEY_COMMAND_FAILED", "secret detail"), 500, "false"],
      [new CandleEmbedError("SPACE_MISMATCH", "secret detail"), 500, "false"],
      [new CandleEmbedError("API_ERROR", "secret detail", { status: 400 }), 400, null],
    ] as const) {
      backend.work = () => Promise.reject(error);
      const answer = await post(`${url}/v1/embeddings`, { input: "a" });
      expect([answer.status, answer.headers.get("x-should-retry")]).toEqual([status, retry]);
      expect(answer.text).not.toContain("secret");
    }
  });
});

// WasmBackend is of another package: the mark that it has is all that the server can know of it.
it.each([
  ["computes in this program", Symbol.for("candle-embed.local-backend"), 1],
  ["is elsewhere", Symbol("none"), 4],
])("a backend that %s", async (_, mark, calls) => {
  const backend = Object.assign(new FakeBackend(), { [mark]: true });
  let running = 0;
  let most = 0;
  backend.work = async () => {
    most = Math.max(most, ++running);
    await sleep(20);
    running--;
  };
  const { url } = await startServer({ models: { fake: backend } });
  const inputs = Array.from({ length: 8 }, (__, index) => `text ${String(index)}`);
  await Promise.all(inputs.map((input) => post(`${url}/v1/embeddings`, { input })));
  expect(most).toBe(calls);
});

it.each([1, 4])(
  "answers every request once, in its own order, whatever comes, leaves and fails: %i calls at a time",
  async (concurrency) => {
    const schedule = fc.array(
      fc.record({
        sizes: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 12 }),
        query: fc.boolean(),
        leaves: fc.boolean(),
        bad: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
        pause: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 1, maxLength: 25 },
    );
    const backend = new FakeBackend();
    const { server } = await startServer({
      models: { fake: backend },
      batchTokens: 40,
      maxQueue: 1_000,
      concurrency,
      tracing: false,
    });
    backend.work = async (texts) => {
      await nextTurn();
      const index = texts.findIndex((text) => text.endsWith("!"));
      if (index === -1) return;
      // Half of the faults say which text it was.
      throw new CandleEmbedError("INVALID_INPUT", "bad", index % 2 === 0 ? { index } : {});
    };
    let serial = 0;
    await fc.assert(
      fc.asyncProperty(schedule, async (requests) => {
        await Promise.all(
          requests.map(async ({ sizes, query, leaves, bad, pause }) => {
            for (let turn = 0; turn < pause; turn++) await nextTurn();
            const input = sizes.map(
              (size, index) => `${String(serial++)} ${"x".repeat(size)}${bad && index === 0 ? "!" : ""}`,
            );
            const controller = new AbortController();
            const answer = server.fetch("http://localhost/v1/embeddings", {
              method: "POST",
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ input, ...(query && { input_type: "query" }) }),
              signal: controller.signal,
            });
            if (leaves) {
              await nextTurn();
              controller.abort();
              await answer.catch(() => undefined);
              return;
            }
            const response = await answer;
            expect(response.status).toBe(bad ? 400 : 200);
            const body = (await response.json()) as { data: { index: number; embedding: number[] }[] };
            if (bad) return;
            expect(body.data.map(({ embedding }) => embedding)).toEqual(input.map(fakeVector));
            expect(body.data.map(({ index }) => index)).toEqual([...input.keys()]);
          }),
        );
        await sleep(0);
        const text = await (await server.fetch("http://localhost/metrics")).text();
        expect(text).toContain('te_queue_size{model="fake"} 0\n');
      }),
      { numRuns: 100 },
    );
  },
);

it("calls the embed of what a program has put around a model", async () => {
  const model = await NativeBackend.load();
  const seen: string[] = [];
  const around = Object.create(model, {
    embed: {
      value: (texts: string[]) => {
        seen.push(...texts);
        return model.embed(texts);
      },
    },
  }) as NativeBackend;
  const { url } = await startServer({ models: { around } });
  const answer = await post(`${url}/v1/embeddings`, { input: "a text" });
  expect(answer.status).toBe(200);
  expect(seen).toContain("a text");
});

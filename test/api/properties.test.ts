import { setImmediate as nextLoopTurn } from "node:timers/promises";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { ApiBackend, CandleEmbedError, FallbackBackend, type Embeddings } from "candle-embed";

import { dimensions, rightAnswer, vectorOf, type RequestBody } from "./fake-api.js";
import { localBackend } from "./support.js";

// 50 runs of 400 calls at a time, each with one to four faulty answers: about 34,000 of these are used.
const runs = 50;
const callsOfRun = 400;

const key = "sk-live-0123456789-abcdefghij";
const timeout = 10_000;

// Time is not waited for but put forward when nothing else happens, so that deadlines are exact on any machine.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterAll(() => {
  vi.useRealTimers();
});

/** Puts time forward from timer to timer until all is done. */
async function passTime(work: Promise<unknown>): Promise<void> {
  let done = false;
  const finished = work.finally(() => (done = true));
  finished.catch(() => undefined);
  while (!done) {
    for (let turn = 0; turn < 3; turn++) await nextLoopTurn();
    vi.advanceTimersToNextTimer();
  }
  await finished;
}

type Item = Record<string, unknown>;
type Respond = (body: RequestBody, sent: string) => Promise<Response>;

/** One place of an answer, made wrong in a way that can be seen. */
const damages: readonly ((data: Item[], at: number) => void)[] = [
  (data) => void data.pop(),
  (data) => void data.splice(0),
  (data, at) => void data.push({ ...data[at] }),
  (data, at) => void data.push({ ...data[at], index: data.length }),
  (data, at) => void Object.assign(data[at] ?? {}, { index: data.length }),
  (data, at) => void Object.assign(data[at] ?? {}, { index: (at + 1) % data.length }),
  (data, at) => void Object.assign(data[at] ?? {}, { index: -1 }),
  (data, at) => void Object.assign(data[at] ?? {}, { index: 0.5 }),
  (data, at) => void Object.assign(data[at] ?? {}, { index: String(at) }),
  (data, at) => void Object.assign(data[at] ?? {}, { index: null }),
  (data, at) => {
    delete data[at]?.["index"];
  },
  (data, at) => {
    delete data[at]?.["embedding"];
  },
  (data, at) => void (data as unknown[]).splice(at, 1, null),
  (data, at) => void (data as unknown[]).splice(at, 1, [1, 2, 3]),
];

/** What stands in place of a vector. */
const wrongVector = fc.oneof(
  fc.constantFrom<unknown>(null, {}, [], "", "AAAA", "AAA", "====", "not base64!", 7, true, [
    [1, 2, 3, 4, 5, 6, 7, 8],
  ]),
  fc.array(fc.double(), { minLength: 1, maxLength: dimensions - 1 }),
  fc.array(fc.double({ noNaN: true, min: -1, max: 1 }), { minLength: dimensions + 1, maxLength: 20 }),
  fc
    .constantFrom<unknown>(null, "1", NaN, Infinity, {}, 1e39, -1e308)
    .map((bad) => [1, 2, 3, 4, 5, 6, 7, bad]),
  fc.constant(Array.from({ length: dimensions }, () => 0)),
  fc.uint8Array({ maxLength: 31 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  fc.constant(Buffer.alloc(4 * dimensions, 255).toString("base64")),
);

const right = fc
  .record({ base64: fc.boolean(), order: fc.infiniteStream(fc.nat()) })
  .map(({ base64, order }): Respond => (body) => {
    const answer = answerTo({ ...body, encoding_format: base64 ? "base64" : "float" });
    const keyed = answer.data.map((item) => ({ item, rank: order.next().value as number }));
    const data = keyed.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
    return Promise.resolve(Response.json({ ...answer, data }));
  });

const damaged = fc.tuple(fc.constantFrom(...damages), fc.nat()).map(([damage, at]): Respond => (body) => {
  const answer = answerTo(body);
  damage(answer.data, at % answer.data.length);
  return Promise.resolve(Response.json(answer));
});

const wrongNumbers = fc.tuple(wrongVector, fc.nat()).map(([embedding, at]): Respond => (body) => {
  const answer = answerTo(body);
  Object.assign(answer.data[at % answer.data.length] ?? {}, { embedding });
  return Promise.resolve(Response.json(answer));
});

const wrongBody = fc
  .oneof(
    fc.string({ maxLength: 40 }),
    fc.json(),
    fc.constantFrom(
      "<!DOCTYPE html>",
      "null",
      "[]",
      '{"data":null}',
      '{"error":{"message":"x"}}',
      "{".repeat(9_000),
    ),
    fc.nat({ max: 200 }),
  )
  .map(
    (text): Respond =>
      (body) =>
        // A number: so many characters of the right answer.
        Promise.resolve(
          new Response(typeof text === "number" ? JSON.stringify(answerTo(body)).slice(0, text) : text),
        ),
  );

const refusal = fc
  .record({
    status: fc.constantFrom(
      301,
      302,
      307,
      400,
      401,
      403,
      404,
      408,
      409,
      413,
      422,
      424,
      429,
      500,
      502,
      503,
      504,
    ),
    pause: fc.constantFrom<Record<string, string>>(
      { "retry-after-ms": "0" },
      { "retry-after-ms": "1" },
      { "retry-after": "0" },
      { "retry-after": "3600" },
      { "retry-after": new Date(0).toUTCString() },
      { "retry-after": "soon" },
      { "x-should-retry": "true", "retry-after-ms": "1" },
      { "x-should-retry": "false" },
      {},
    ),
    form: fc.constantFrom("openai", "flat", "text", "id"),
  })
  .map(({ status, pause, form }): Respond => (_, sent) => {
    const message = `cannot: ${sent} ${encodeURIComponent(sent)} ${Buffer.from(sent).toString("base64")}`;
    const body = {
      openai: { error: { message, code: sent } },
      flat: { message, type: sent },
      text: message,
      id: "",
    };
    const text = form === "text" || form === "id" ? body[form] : JSON.stringify(body[form as "flat"]);
    const headers = { ...pause, ...(form === "id" && { "x-request-id": sent }) };
    return Promise.resolve(new Response(text, { status, headers }));
  });

const broken = fc.constantFrom<Respond>(
  (_, sent) =>
    Promise.reject(new TypeError("fetch failed", { cause: new Error(`reset while sending ${sent}`) })),
  (_, sent) => {
    throw new Error(`no: ${sent}`);
  },
  // Neither the answer nor the rest of a body ever comes, whatever the signal says.
  () => new Promise(() => undefined),
  () =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          start: (to) => {
            to.enqueue(Buffer.from("{"));
          },
        }),
      ),
    ),
  () =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          pull: (to) => {
            to.enqueue(Buffer.alloc(65_536, "1"));
          },
        }),
      ),
    ),
  () =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          start: (to) => {
            to.enqueue(Buffer.from("{"));
            to.error(new Error("terminated"));
          },
        }),
      ),
    ),
);

/** A refusal that passes at once. */
const busy = fc.constantFrom(408, 409, 429, 500, 503).map(
  (status): Respond =>
    () =>
      Promise.resolve(new Response(`busy: ${key}`, { status, headers: { "retry-after-ms": "1" } })),
);

const faulty = fc.oneof(damaged, wrongNumbers, wrongBody, refusal, busy, broken);

const call = fc.record({
  count: fc.integer({ min: 1, max: 7 }),
  batchSize: fc.integer({ min: 1, max: 4 }),
  // The first is faulty; what comes after may be anything, in any order of requests.
  answers: fc
    .tuple(faulty, fc.array(fc.oneof(right, faulty), { maxLength: 3 }))
    .map(([first, more]) => [first, ...more]),
  fallback: fc.boolean(),
});

function answerTo(body: RequestBody): { data: Item[] } {
  return rightAnswer(
    body,
    body.input.map((text) => vectorOf(text)),
  ) as { data: Item[] };
}

/** A fetch that answers rightly once it has given `answers`. */
function fakeFetch(answers: readonly Respond[], used: { count: number }): typeof fetch {
  return (_, init) => {
    const body = JSON.parse(init?.body as string) as RequestBody;
    const respond = answers[used.count++] ?? ((request) => Promise.resolve(Response.json(answerTo(request))));
    return respond(body, key);
  };
}

const close = (a: Float32Array, b: Float32Array): boolean =>
  a.every((value, i) => Math.abs(value - (b[i] ?? NaN)) < 1e-6);

it("20,000 faulty answers: no wrong, mis-paired or mixed vector, no key in an error, no call beyond its time", async () => {
  const totals = { faulty: 0, answered: 0, byLocal: 0, refused: 0 };
  const one = async ({
    count,
    batchSize,
    answers,
    fallback,
  }: typeof call extends fc.Arbitrary<infer T> ? T : never) => {
    const used = { count: 0 };
    const api = await ApiBackend.connect({
      ...{ baseUrl: "http://api.test/v1", model: "model", dimensions, apiKey: key, batchSize, timeout },
      fetch: fakeFetch(answers, used),
    });
    // Another model on purpose, so that a vector shows who made it.
    const backend = fallback
      ? await FallbackBackend.create([api, localBackend("other")], { allowDifferentSpace: true })
      : api;
    const texts = Array.from({ length: count }, (_, i) => `text ${String(i)}`);
    const start = performance.now();
    const outcome = await backend.embed(texts).catch((error: unknown) => error);
    expect(performance.now() - start).toBeLessThanOrEqual(timeout);
    totals.faulty += Math.min(used.count, answers.length);
    if (CandleEmbedError.isInstance(outcome)) {
      totals.refused++;
      const shown = inspect(outcome, { depth: 9, showHidden: true }) + JSON.stringify(outcome);
      for (const form of [key, Buffer.from(key).toString("base64").replace(/=+$/, "")]) {
        expect(shown).not.toContain(form);
      }
      return;
    }
    const embeddings = outcome as Embeddings;
    expect(embeddings.count).toBe(count);
    const model = embeddings.backend === "api" ? "model" : "other";
    if (!texts.every((text, i) => close(embeddings.at(i), vectorOf(text, model)))) {
      throw new Error(`wrong vectors from ${embeddings.backend}`);
    }
    if (model === "other") totals.byLocal++;
    else totals.answered++;
  };
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: callsOfRun, maxLength: callsOfRun }), async (calls) => {
      await passTime(Promise.all(calls.map(one)));
    }),
    { numRuns: runs, seed: 20_261, endOnFailure: true },
  );
  // That the generator reaches every kind of end.
  expect(totals.faulty).toBeGreaterThanOrEqual(20_000);
  expect(Math.min(totals.answered, totals.byLocal, totals.refused)).toBeGreaterThan(1_000);
}, 240_000);

import { getEventListeners } from "node:events";
import { setImmediate as nextLoopTurn } from "node:timers/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { openModel } from "../../src/backends/open-model.js";
import { CandleEmbedError, NativeBackend, type EmbedProgress } from "../../src/index.js";
import { loadModel } from "../../src/native.js";
import { FakeEmbedder, fakeVector } from "./fake-addon.js";

vi.mock("../../src/native.js", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  loadModel: vi.fn(),
}));

const noop = (): void => undefined;

let embedder: FakeEmbedder;
let backend: NativeBackend;

beforeEach(async () => {
  embedder = new FakeEmbedder();
  backend = await loadFake(embedder);
});

async function loadFake(fake: FakeEmbedder): Promise<NativeBackend> {
  vi.mocked(loadModel).mockResolvedValueOnce(fake);
  return NativeBackend.load();
}

describe("load", () => {
  it("describes the embedded model by its catalogue entry and the engine's findings", () => {
    expect(backend).toMatchObject({
      modelId: "sentence-transformers/all-MiniLM-L6-v2",
      revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
      dimensions: 3,
      maxTokens: 16,
      device: "cpu",
      dtype: "float32",
      threads: 2,
      space: { id: "cd".repeat(32), pooling: "mean", normalized: true, prompts: { query: "query: " } },
    });
  });

  it("calls a folder by its name and its weights' hash", async () => {
    vi.mocked(loadModel).mockResolvedValueOnce(embedder);
    const local = await NativeBackend.load("test/unit");
    expect(local.modelId).toBe("unit");
    expect(local.revision).toBe("ab".repeat(32));
    expect(local.space.revision).toBe(local.revision);
  });

  it("hands on the options it is given, and only those", async () => {
    vi.mocked(loadModel).mockResolvedValueOnce(embedder);
    await NativeBackend.load("all-MiniLM-L6-v2", {
      threads: 3,
      dtype: "int8",
      device: "cpu",
      pooling: undefined,
    });
    expect(vi.mocked(loadModel).mock.lastCall?.[1]).toEqual({ threads: 3, dtype: "int8", device: "cpu" });
  });

  it.each([
    [{ thread: 2 }, /unknown option "thread"; the options are device, dtype, threads/],
    [{ constructor: 1 }, /unknown option "constructor"/],
    [{ threads: 0 }, /"threads" must be a whole number from 1, not 0/],
    [{ threads: 1.5 }, /not 1\.5/],
    [{ batchTokens: 1e12 }, /"batchTokens" must be at most 2147483647, not 1000000000000/],
    [{ expectedDimensions: 0 }, /"expectedDimensions" must be a whole number from 1, not 0/],
    [{ batchTokens: "many" }, /"batchTokens" must be a whole number from 1, not "many"/],
    [{ device: "gpu" }, /"device" must be auto, cpu, metal, cuda or cuda:<number>, not "gpu"/],
    [{ dtype: "fp8" }, /"dtype" must be one of auto, float32/],
    [{ signal: {} }, /"signal" must be an AbortSignal, not an object/],
    [{ signal: { aborted: false, addEventListener: noop } }, /"signal" must be an AbortSignal/],
    [{ signal: { aborted: false, addEventListener: 1, removeEventListener: 1 } }, /an AbortSignal/],
    [{ signal: { aborted: 0, addEventListener: noop, removeEventListener: noop } }, /an AbortSignal/],
    [{ signal: null }, /"signal" must be an AbortSignal, not null/],
    [null, /options must be an object, not null/],
    ["cpu", /options must be an object, not "cpu"/],
  ])("refuses the options %j", async (options, message) => {
    const rejection = expect(NativeBackend.load("all-MiniLM-L6-v2", options as object)).rejects;
    await rejection.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(message) as string,
    });
  });

  it("refuses a model without the dimensions that are expected, naming both, and frees it", async () => {
    vi.mocked(loadModel).mockResolvedValueOnce(embedder);
    await expect(NativeBackend.load(undefined, { expectedDimensions: 1536 })).rejects.toMatchObject({
      code: "DIMENSION_MISMATCH",
      message: expect.stringMatching(
        /all-MiniLM-L6-v2 gives vectors of 3 dimensions, not the 1536/,
      ) as string,
    });
    expect(embedder.disposed).toBe(1);
    vi.mocked(loadModel).mockResolvedValueOnce(embedder);
    expect(await NativeBackend.load(undefined, { expectedDimensions: 3 })).toMatchObject({ dimensions: 3 });
  });

  it("tells the engine what the catalogue knows of the model's training", async () => {
    const model = { folder: "/models/x", modelId: "org/x", revision: undefined };
    vi.mocked(loadModel).mockResolvedValue(embedder);
    await openModel({ ...model, matryoshkaDimensions: [768, 64] }, { threads: 1 });
    expect(vi.mocked(loadModel).mock.lastCall).toEqual([
      "/models/x",
      { threads: 1, matryoshkaDimensions: [768, 64] },
      undefined,
    ]);
    await openModel(model, {});
    expect(vi.mocked(loadModel).mock.lastCall?.[1]).toEqual({});
  });

  it("gives up and frees the model when aborted while it is read", async () => {
    const controller = new AbortController();
    vi.mocked(loadModel).mockImplementationOnce(() => {
      controller.abort();
      return Promise.resolve(embedder);
    });
    await expect(NativeBackend.load(undefined, { signal: controller.signal })).rejects.toMatchObject({
      name: "AbortError",
      code: "ABORTED",
    });
    expect(embedder.disposed).toBe(1);
  });

  it("reports its stages", async () => {
    const stages: string[] = [];
    vi.mocked(loadModel).mockResolvedValueOnce(embedder);
    await NativeBackend.load(undefined, { onProgress: ({ stage }) => stages.push(stage) });
    expect(stages).toEqual(["load", "ready"]);
  });
});

describe("embed", () => {
  it("gives a row for each text, in order", async () => {
    const result = await backend.embed(["a", "bb", "a text of twenty char"]);
    expect(result.toArrays()).toEqual(["a", "bb", "a text of twenty char"].map(fakeVector));
    expect(result).toMatchObject({ count: 3, dimensions: 3, truncated: [2], backend: "native" });
  });

  it("takes one string as one text", async () => {
    expect((await backend.embed("abc")).toArrays()).toEqual([fakeVector("abc")]);
  });

  it("gives no rows for no texts", async () => {
    expect(await backend.embed([])).toMatchObject({ count: 0, truncated: [] });
  });

  it("works on the texts as they were when it was called", async () => {
    const blocker = backend.embed("first");
    const texts = ["a", "b"];
    const result = backend.embed(texts);
    texts[0] = "changed";
    texts.length = 1;
    await blocker;
    expect((await result).toArrays()).toEqual(["a", "b"].map(fakeVector));
  });

  it.each([
    [[1, "a"], 0, /text 0 must be a string, not 1/],
    [["a", undefined], 1, /text 1 must be a string, not undefined/],
    [["a", "b", null], 2, /text 2 must be a string, not null/],
    [["a", ["b"]], 1, /text 1 must be a string, not an array/],
    [new Array(2), 0, /text 0 must be a string, not undefined/],
    [42, undefined, /texts must be a string or an array of strings, not 42/],
    [new Set(["a"]), undefined, /not an object/],
    [undefined, undefined, /not undefined/],
  ])("refuses %j, naming what is wrong", async (texts, index, message) => {
    const error: unknown = await backend.embed(texts as string[]).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "INVALID_INPUT", message: expect.stringMatching(message) as string });
    expect((error as CandleEmbedError).index).toBe(index);
  });

  it.each([
    [{ dimension: 2 }, /unknown option "dimension"/],
    [{ dimensions: -1 }, /"dimensions" must be a whole number from 1, not -1/],
    [{ dimensions: NaN }, /not NaN/],
    [{ cutWithoutMatryoshka: "yes" }, /"cutWithoutMatryoshka" must be true or false, not "yes"/],
    [{ normalize: 1 }, /"normalize" must be true or false, not 1/],
    [{ truncate: "middle" }, /"truncate" must be one of end, start, error, not "middle"/],
    [{ outputType: "float64" }, /"outputType" must be one of float32/],
    [{ inputType: "passage" }, /"inputType" must be one of query, document/],
    [{ prompt: 1 }, /"prompt" must be a string/],
    [{ onProgress: true }, /"onProgress" must be a function, not true/],
  ])("refuses the options %j", async (options, message) => {
    await expect(backend.embed("a", options as object)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(message) as string,
    });
  });

  it("hands on the options it is given, and only those", async () => {
    await backend.embed("a", {
      truncate: "start",
      dimensions: 2,
      cutWithoutMatryoshka: true,
      prompt: undefined,
    });
    expect(embedder.options).toEqual([{ truncate: "start", dimensions: 2, cutWithoutMatryoshka: true }]);
  });

  it("turns the addon's errors into typed ones", async () => {
    embedder.stepError = { code: "INPUT_TOO_LONG", message: "too long", index: 4, tokens: 20, limit: 16 };
    const error: unknown = await backend.embed("a").catch((reason: unknown) => reason);
    expect(CandleEmbedError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({
      code: "INPUT_TOO_LONG",
      message: "too long",
      index: 4,
      tokens: 20,
      limit: 16,
    });
    embedder.stepError = undefined;
    embedder.startError = { code: "DIMENSION_MISMATCH", message: "3 at most" };
    await expect(backend.embed("a", { dimensions: 9 })).rejects.toMatchObject({ code: "DIMENSION_MISMATCH" });
  });

  it("calls a code it does not know INTERNAL", async () => {
    embedder.stepError = { code: "SOMETHING_NEW", message: "?" };
    await expect(backend.embed("a")).rejects.toMatchObject({ code: "INTERNAL", message: "?" });
  });

  it("reports progress after each step", async () => {
    embedder.textsPerStep = 2;
    const seen: EmbedProgress[] = [];
    await backend.embed(["a", "b", "c"], { onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([
      { texts: 2, totalTexts: 3, tokens: 4 },
      { texts: 3, totalTexts: 3, tokens: 6 },
    ]);
  });

  it("rejects with what onProgress throws, and works on", async () => {
    const onProgress = (): void => {
      throw new Error("mine");
    };
    await expect(backend.embed("a", { onProgress })).rejects.toThrow("mine");
    expect((await backend.embed("b")).count).toBe(1);
  });

  it("copies many texts in slices and lets the event loop turn between them", async () => {
    let turns = 0;
    let done = false;
    const texts = Array.from({ length: 10_000 }, () => "x");
    const call = backend.embed(texts).finally(() => {
      done = true;
    });
    while (!done) {
      await nextLoopTurn();
      turns++;
    }
    await call;
    expect(embedder.log.slice(0, 5)).toEqual(Array(5).fill("push 2000"));
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it("puts no more than a million characters into a slice, but any text in one piece", async () => {
    const long = "x".repeat(600_000);
    await backend.embed([long, long, "y".repeat(3_000_000), "z"]);
    expect(embedder.log.slice(0, 4)).toEqual(["push 1", "push 1", "push 1", "push 1"]);
  });

  it("starts a small call at once", () => {
    void backend.embed("a");
    expect(embedder.log).toEqual(["push 1", "step a"]);
  });
});

describe("embedQuery and embedDocuments", () => {
  it("say what the texts are", async () => {
    expect(Array.from(await backend.embedQuery("abc"))).toEqual(fakeVector("abc"));
    expect((await backend.embedDocuments(["a", "b"])).count).toBe(2);
    expect(embedder.options).toEqual([{ inputType: "query" }, { inputType: "document" }]);
  });

  it("refuse an inputType that says otherwise", async () => {
    await expect(backend.embedQuery("a", { inputType: "document" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    await expect(backend.embedDocuments(["a"], { inputType: "query" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect((await backend.embedQuery("a", { inputType: "query" })).length).toBe(3);
  });

  it("refuse the other's kind of argument", async () => {
    await expect(backend.embedQuery(["a"] as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(backend.embedDocuments("a" as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(backend.embedQuery("a", null as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});

describe("overlapping calls", () => {
  it("are answered in the order they were made, model by model; no two steps run at once", async () => {
    embedder.textsPerStep = 1;
    const other = await loadFake(new FakeEmbedder());
    const order: number[] = [];
    const calls = Array.from({ length: 40 }, async (_, index) => {
      const chosen = index % 2 === 0 ? backend : other;
      // Every third call of the first model takes three steps: later calls must not overtake it.
      await chosen.embed(Array<string>(index % 3 === 0 ? 3 : 1).fill(String(index)));
      order.push(index);
    });
    await Promise.all(calls);
    const ofModel = (remainder: number): number[] => order.filter((index) => index % 2 === remainder);
    expect(ofModel(0)).toEqual(Array.from({ length: 20 }, (_, index) => 2 * index));
    expect(ofModel(1)).toEqual(Array.from({ length: 20 }, (_, index) => 2 * index + 1));
    expect(embedder.mostOpenJobs).toBe(1);
    expect(FakeEmbedder.mostRunningSteps).toBe(1);
  });

  it("of two models take turns: a short call is answered while a long one runs", async () => {
    embedder.textsPerStep = 1;
    const other = await loadFake(new FakeEmbedder());
    let finished = 0;
    const long = backend.embed(Array<string>(50).fill("long"), {
      onProgress: ({ texts }) => {
        finished = texts;
      },
    });
    expect((await other.embed("short")).toArrays()).toEqual([fakeVector("short")]);
    expect(finished).toBeLessThan(3);
    expect((await long).count).toBe(50);
  });

  it("that wait for another model's step end at once when they are aborted or disposed", async () => {
    const other = await loadFake(new FakeEmbedder());
    const third = await loadFake(new FakeEmbedder());
    embedder.hold();
    const long = backend.embed("long");
    const controller = new AbortController();
    const aborted = other.embed("a", { signal: controller.signal });
    const ended = third.embed("b");
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "ABORTED" });
    await Promise.all([third.dispose(), expect(ended).rejects.toMatchObject({ code: "DISPOSED" })]);
    embedder.release();
    expect((await long).count).toBe(1);
    expect((await other.embed("c")).count).toBe(1);
  });

  it("go on after one that failed", async () => {
    embedder.stepError = { code: "INTERNAL", message: "boom" };
    const failing = backend.embed("a");
    const next = backend.embed("b");
    await expect(failing).rejects.toThrow("boom");
    embedder.stepError = undefined;
    expect((await next).count).toBe(1);
  });
});

describe("abort", () => {
  it("before the call: nothing is started", async () => {
    const reason = new Error("why");
    const call = backend.embed("a", { signal: AbortSignal.abort(reason) });
    await expect(call).rejects.toMatchObject({ name: "AbortError", code: "ABORTED", cause: reason });
    expect(embedder.log).toEqual([]);
  });

  it("in the queue: leaves it at once", async () => {
    embedder.hold();
    const first = backend.embed("first");
    const controller = new AbortController();
    const aborted = backend.embed("second", { signal: controller.signal });
    const last = backend.embed("last");
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "ABORTED" });
    embedder.release();
    await Promise.all([first, last]);
    expect(embedder.log.filter((entry) => entry.startsWith("step"))).toEqual(["step first", "step last"]);
  });

  it("between two steps: the rest is not computed", async () => {
    embedder.textsPerStep = 1;
    const controller = new AbortController();
    const call = backend.embed(["a", "b", "c", "d"], {
      signal: controller.signal,
      onProgress: ({ texts }) => {
        if (texts === 2) controller.abort();
      },
    });
    await expect(call).rejects.toMatchObject({ code: "ABORTED" });
    expect(embedder.log.filter((entry) => entry.startsWith("step"))).toHaveLength(2);
    expect((await backend.embed("next")).count).toBe(1);
  });

  it("between two slices: the engine is never started", async () => {
    const controller = new AbortController();
    const call = backend.embed(Array<string>(9_000).fill("x"), { signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: "ABORTED" });
    expect(embedder.log).toEqual(["push 2000", "close"]);
  });

  it("leaves no listener behind and never warns about a signal that many calls share", async () => {
    const warnings: Error[] = [];
    const remember = (warning: Error): unknown => warnings.push(warning);
    process.on("warning", remember);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 50 }, () => backend.embed("a", { signal })));
    await nextLoopTurn();
    process.off("warning", remember);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(warnings).toEqual([]);
  });

  it("after the call has no effect", async () => {
    const controller = new AbortController();
    const result = await backend.embed("a", { signal: controller.signal });
    controller.abort();
    expect(result.count).toBe(1);
    expect((await backend.embed("b")).count).toBe(1);
  });
});

describe("dispose", () => {
  it("rejects waiting calls at once and the running one after its step, then frees the model", async () => {
    embedder.hold();
    embedder.textsPerStep = 1;
    const running = backend.embed(["a", "b"]);
    const waiting = backend.embed("c");
    const disposal = backend.dispose();
    await expect(waiting).rejects.toMatchObject({ code: "DISPOSED" });
    expect(embedder.disposed).toBe(0);
    embedder.release();
    await expect(running).rejects.toMatchObject({ code: "DISPOSED" });
    await disposal;
    expect(embedder.log.at(-1)).toBe("disposed");
    expect(FakeEmbedder.runningSteps).toBe(0);
  });

  it("happens once", async () => {
    await Promise.all([backend.dispose(), backend.dispose(), backend[Symbol.asyncDispose]()]);
    await backend.dispose();
    expect(embedder.disposed).toBe(1);
  });

  it("makes later calls reject", async () => {
    await backend.dispose();
    await expect(backend.embed("a")).rejects.toMatchObject({ code: "DISPOSED", name: "CandleEmbedError" });
    await expect(backend.embed([])).rejects.toMatchObject({ code: "DISPOSED" });
  });

  it("leaves other models alone", async () => {
    const other = await loadFake(new FakeEmbedder());
    const call = other.embed("a");
    await backend.dispose();
    expect((await call).count).toBe(1);
  });
});

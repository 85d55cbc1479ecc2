import { beforeEach, describe, expect, it, vi } from "vitest";

import { NativeBackend } from "../../src/index.js";
import { loadModel } from "../../src/native.js";
import { FakeEmbedder, fakeVector } from "./fake-addon.js";

vi.mock("../../src/native.js", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  loadModel: vi.fn(),
}));

let embedder: FakeEmbedder;
let backend: NativeBackend;

beforeEach(async () => {
  embedder = new FakeEmbedder();
  vi.mocked(loadModel).mockResolvedValueOnce(embedder);
  backend = await NativeBackend.load();
});

/** The numbers of texts that went together, in the order they went. */
const groups = (): number[] =>
  embedder.log.flatMap((line) => (line.startsWith("push ") ? [Number(line.slice(5))] : []));

/** Makes calls while another one runs, which then ends. */
async function behindAnother<Result>(
  calls: () => Promise<Result>[],
): Promise<PromiseSettledResult<Result>[]> {
  embedder.hold();
  const first = backend.embed("first");
  const outcomes = Promise.allSettled(calls());
  embedder.release();
  await first;
  return outcomes;
}

describe("short calls that wait", () => {
  it("go together, and each has its own rows, tokens and cut texts", async () => {
    const texts = [
      "a",
      ["bb", "a text of more than 16"],
      "ccc",
      [] as string[],
      ["another that is too long"],
    ];
    const outcomes = await behindAnother(() => texts.map((each) => backend.embed(each)));
    expect(groups()).toEqual([1, 5]);
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected") throw outcome.reason;
      const own = [texts[index] ?? []].flat();
      const { value } = outcome;
      expect(value.toArrays()).toEqual(own.map(fakeVector));
      expect(value.count).toBe(own.length);
      expect(value.tokens).toEqual(new Uint32Array(own.length).fill(2));
      expect(value.truncated).toEqual([...own.keys()].filter((at) => (own[at] ?? "").length > 16));
      // A caller may transfer the memory of what it got.
      expect(value.data.buffer.byteLength).toBe(value.data.byteLength);
    }
  });

  it("go together only with calls that ask for the same", async () => {
    await behindAnother(() => [
      backend.embed("a"),
      backend.embed("b", { inputType: "query" }),
      backend.embed("c"),
      backend.embed("d", { inputType: "query" }),
      backend.embed("e", { normalize: false }),
    ]);
    expect(groups()).toEqual([1, 2, 2, 1]);
    expect(embedder.options.slice(1)).toEqual([{}, { inputType: "query" }, { normalize: false }]);
  });

  it("go alone when they report progress or refuse long texts", async () => {
    const onProgress = vi.fn();
    await behindAnother(() => [
      backend.embed("a", { onProgress }),
      backend.embed("b", { truncate: "error" }),
      backend.embed("c", { truncate: "error" }),
      backend.embed("d", { onProgress }),
    ]);
    expect(groups()).toEqual([1, 1, 1, 1, 1]);
    expect(onProgress.mock.lastCall).toEqual([{ texts: 1, totalTexts: 1, tokens: 2 }]);
  });

  it("go alone when they are not short, and in groups of some thousand characters", async () => {
    const long = "x".repeat(20_000);
    const middle = "y".repeat(6_000);
    await behindAnother(() => [long, middle, middle, middle, long, "z"].map((text) => backend.embed(text)));
    expect(groups()).toEqual([1, 1, 2, 2, 1]);
  });
});

describe("a fault among calls that went together", () => {
  it("fails the call whose it is, not the others, which keep their place", async () => {
    embedder.badText = "bad";
    const outcomes = await behindAnother(() => ["a", "bad", "b"].map((text) => backend.embed(text)));
    expect(outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "INTERNAL", message: "a fault at bad" } },
      { status: "fulfilled" },
    ]);
    expect(groups()).toEqual([1, 3, 1, 1, 1]);
    expect(embedder.openJobs).toBe(0);
  });
});

describe("abort", () => {
  it("ends one of several calls that run together, and leaves the others", async () => {
    embedder.hold();
    const first = backend.embed("first");
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [backend.embed("a"), backend.embed("b", { signal }), backend.embed("c")];
    const outcomes = Promise.allSettled(calls);
    embedder.release();
    await first;
    embedder.hold();
    await vi.waitFor(() => {
      expect(groups()).toEqual([1, 3]);
    });
    controller.abort();
    embedder.release();
    expect(await outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "ABORTED" } },
      { status: "fulfilled" },
    ]);
  });

  it("ends the work when nobody is left who waits for it", async () => {
    embedder.textsPerStep = 1;
    embedder.hold();
    const first = backend.embed("first");
    const controller = new AbortController();
    const { signal } = controller;
    const outcomes = Promise.allSettled([
      backend.embed(["a", "b"], { signal }),
      backend.embed(["c", "d"], { signal }),
    ]);
    embedder.release();
    await first;
    embedder.hold();
    await vi.waitFor(() => {
      expect(groups()).toEqual([1, 4]);
    });
    controller.abort();
    embedder.release();
    expect(await outcomes).toMatchObject([
      { status: "rejected", reason: { code: "ABORTED" } },
      { status: "rejected", reason: { code: "ABORTED" } },
    ]);
    expect(embedder.log.filter((line) => line === "step a")).toHaveLength(1);
    expect(embedder.openJobs).toBe(0);
  });
});

describe("dispose", () => {
  it("ends calls that run together, and frees the model after their step", async () => {
    embedder.hold();
    const first = backend.embed("first");
    const outcomes = Promise.allSettled([backend.embed("a"), backend.embed("b")]);
    embedder.release();
    await first;
    embedder.hold();
    await vi.waitFor(() => {
      expect(groups()).toEqual([1, 2]);
    });
    const disposed = backend.dispose();
    expect(embedder.disposed).toBe(0);
    embedder.release();
    await disposed;
    expect(await outcomes).toMatchObject([
      { status: "rejected", reason: { code: "DISPOSED" } },
      { status: "rejected", reason: { code: "DISPOSED" } },
    ]);
    expect(embedder.log.slice(-2)).toEqual(["close", "disposed"]);
  });
});

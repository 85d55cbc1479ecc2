import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import {
  apiWithLocalFallback,
  Embeddings,
  FallbackBackend,
  type EmbeddingBackend,
  type FallbackEvent,
  type FallbackOptions,
} from "candle-embed";

import { answerWith, FakeApi, reset, vectorOf } from "./fake-api.js";
import { connect, errorOf, localBackend } from "./support.js";

const api = await FakeApi.start();

let lines: string[];
let backend: FallbackBackend | undefined;

beforeEach(() => {
  lines = [];
  api.requests.length = 0;
  api.faults.length = 0;
  api.fault = undefined;
  api.embed = (texts) => Promise.resolve(texts.map((text) => vectorOf(text)));
});

afterEach(() => backend?.dispose());

const log = (line: string): void => void lines.push(line);
const logger = { info: log, warn: log };

/** The API as it is used here: it gives up at once. */
const connectApi = (options = {}): ReturnType<typeof connect> => connect(api, { maxRetries: 0, ...options });

async function fallback(
  backends: Parameters<typeof FallbackBackend.create>[0],
  options: FallbackOptions = {},
): Promise<FallbackBackend> {
  backend = await FallbackBackend.create(backends, { logger, ...options });
  return backend;
}

const down = answerWith(503, "");

describe("who answers", () => {
  it("the API while it does, the local model while it does not; each change is one line", async () => {
    const events: FallbackEvent[] = [];
    const both = await apiWithLocalFallback(await connectApi(), localBackend(), {
      logger,
      onFallback: (event) => events.push(event),
      firstPause: 30,
    });
    expect((await both.embed("a")).backend).toBe("api");
    api.fault = down;
    for (const text of ["a", "b", "c", "d"]) {
      const result = await both.embed(text);
      expect(result.backend).toBe("native");
      expect(result.at(0)).toEqual(vectorOf(text));
    }
    api.fault = undefined;
    await sleep(60);
    expect((await both.embed("a")).backend).toBe("api");
    expect(lines).toEqual([
      expect.stringMatching(/answers in place of ApiBackend, which failed: API_ERROR: \S+ answered 503/),
      "candle-embed: ApiBackend answers again",
    ]);
    expect(events).toHaveLength(4);
    expect(events[0]).toMatchObject({ from: "ApiBackend", error: { status: 503 } });
    await both.dispose();
  });

  it("the other way round as well: the API answers where the local model fails", async () => {
    const local = localBackend();
    local.embed = () => Promise.reject(new Error("out of memory"));
    const both = await fallback([local, await connectApi({ space: local.space })]);
    const result = await both.embedQuery("a").catch((error: unknown) => error);
    // Nothing shows that the API's vectors are those of a model that cannot answer; it was declared.
    expect(result).toEqual(vectorOf("a"));
  });

  it("a listener that throws loses nothing", async () => {
    api.fault = down;
    const local = localBackend();
    const both = await fallback([await connectApi({ space: local.space }), local], {
      onFallback: () => {
        throw new Error("listener");
      },
    });
    expect((await both.embed("a")).backend).toBe("native");
  });

  it("nobody: the error names all, with the code of the first", async () => {
    api.fault = down;
    const local = localBackend();
    const both = await fallback([await connectApi({ space: local.space }), local]);
    local.embed = () => Promise.reject(new Error("out of memory"));
    const error = await errorOf(both.embed("a"));
    expect(error).toMatchObject({ code: "API_ERROR", status: 503, retryable: true });
    expect(error.message).toMatch(/ApiBackend: API_ERROR.*; Object: out of memory/);
    expect((error.cause as AggregateError).errors).toHaveLength(2);
  });

  it.each([400, 413, 422])("bad input (%d) is an error, and asked of nobody else", async (status) => {
    const local = localBackend();
    const both = await fallback([await connectApi(), local]);
    const before = local.calls;
    api.fault = answerWith(status, "too long");
    expect(await errorOf(both.embed("a"))).toMatchObject({ status });
    expect(await errorOf(both.embed(["a", 1] as never))).toMatchObject({ code: "INVALID_INPUT", index: 1 });
    expect(local.calls).toBe(before);
    expect(lines).toEqual([]);
  });

  it("an aborted call is an error, what a callback throws too", async () => {
    const local = localBackend();
    const both = await fallback([await connectApi(), local]);
    const before = local.calls;
    expect(await errorOf(both.embed("a", { signal: AbortSignal.abort() }))).toMatchObject({
      code: "ABORTED",
    });
    const thrown = new Error("mine");
    const onProgress = (): void => {
      throw thrown;
    };
    await expect(both.embed("a", { onProgress })).rejects.toBe(thrown);
    expect(local.calls).toBe(before);
  });

  it("disposes all its backends", async () => {
    const local = localBackend();
    const dispose = vi.spyOn(local, "dispose");
    const remote = await connectApi();
    const both = await FallbackBackend.create([remote, local]);
    await both.dispose();
    expect(dispose).toHaveBeenCalledOnce();
    expect(await errorOf(remote.embed("a"))).toMatchObject({ code: "DISPOSED" });
    expect(await errorOf(both.embed("a"))).toMatchObject({ code: "DISPOSED" });
  });
});

describe("a backend that fails again and again", () => {
  it("is skipped for a growing time, then tried by one call", async () => {
    const local = localBackend();
    const both = await fallback([await connectApi(), local], {
      failures: 2,
      firstPause: 100,
      longestPause: 200,
    });
    api.fault = down;
    for (let i = 0; i < 6; i++) await both.embed("a");
    const afterOpening = api.requests.length;
    await Promise.all(Array.from({ length: 20 }, () => both.embed("a")));
    expect(api.requests.length).toBe(afterOpening);
    await sleep(120);
    api.requests.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => both.embed("a")));
    // The probes of one call: three requests.
    expect(api.requests.length).toBeLessThanOrEqual(3);
    await sleep(120);
    api.requests.length = 0;
    await both.embed("a");
    expect(api.requests).toEqual([]);
  });

  it("is asked all the same when nobody else is left", async () => {
    const local = localBackend();
    const both = await fallback([await connectApi({ space: local.space }), local], { failures: 1 });
    api.fault = down;
    await both.embed("a");
    api.fault = undefined;
    const embed = local.embed.bind(local);
    local.embed = ((texts: string[]) =>
      texts.length === 1 && texts[0] === "a" ? Promise.reject(new Error("broken")) : embed(texts)) as never;
    expect((await both.embed("a")).backend).toBe("api");
  });
});

describe("the space", () => {
  const otherModel = (texts: string[]): Promise<Float32Array[]> =>
    Promise.resolve(texts.map((text) => vectorOf(text, "other")));

  it("that is neither declared nor the same is refused, with the figures", async () => {
    api.embed = otherModel;
    const error = await errorOf(fallback([await connectApi(), localBackend()]));
    expect(error.code).toBe("SPACE_MISMATCH");
    expect(error.message).toMatch(
      /ApiBackend .*cosines (-?\d\.\d{4}, ){11}-?\d\.\d{4}, of which each must be 0\.999/,
    );
  });

  it("can be mixed when the caller says so", async () => {
    api.embed = otherModel;
    const both = await fallback([await connectApi(), localBackend()], { allowDifferentSpace: true });
    expect(await both.embedQuery("a")).toEqual(vectorOf("a", "other"));
  });

  it("that cannot be proven is refused; declared, the API may be down at first", async () => {
    api.fault = down;
    const local = localBackend();
    expect(await errorOf(fallback([await connectApi(), local]))).toMatchObject({ code: "SPACE_MISMATCH" });
    const both = await fallback([await connectApi({ space: local.space }), local]);
    expect((await both.embed("a")).backend).toBe("native");
  });

  it("that is declared wrongly answers nothing", async () => {
    api.embed = otherModel;
    const local = localBackend();
    const both = await fallback([await connectApi({ space: local.space }), local]);
    expect(await both.embedQuery("a")).toEqual(vectorOf("a"));
    expect(lines).toEqual([expect.stringMatching(/which failed: SPACE_MISMATCH: .*cosines/)]);
  });

  it("is proven again when a backend comes back: another model at its address answers nothing", async () => {
    const both = await fallback([await connectApi(), localBackend()], { failures: 1, firstPause: 10 });
    api.faults.push(reset);
    await both.embed("a");
    api.embed = otherModel;
    await sleep(20);
    for (const text of ["a", "b"]) expect(await both.embedQuery(text)).toEqual(vectorOf(text));
    expect(lines).toHaveLength(1);
  });

  it("is proven for each number of dimensions: a cut is made on different sides", async () => {
    const local = localBackend();
    const embed = local.embed.bind(local);
    // Cuts its vectors otherwise than the API backend does.
    local.embed = (async (texts: string[], options: { dimensions?: number } = {}) => {
      const { data, count } = await embed(texts);
      const kept = options.dimensions ?? 8;
      const rows = Array.from({ length: count }, (_, i) => data.slice(8 * i + 8 - kept, 8 * i + 8));
      const flat = Float32Array.from(rows.flatMap((row) => [...row]));
      return new Embeddings({
        ...{ data: flat, dimensions: kept, tokens: new Uint32Array(count), truncated: [], backend: "native" },
      });
    }) as never;
    const both = await fallback([await connectApi(), local]);
    expect((await both.embed("a")).backend).toBe("api");
    expect((await both.embed("a", { dimensions: 4 })).backend).toBe("native");
    expect(lines).toEqual([expect.stringMatching(/SPACE_MISMATCH/)]);
  });

  it("is proven again after a time", async () => {
    const both = await fallback([await connectApi(), localBackend()], { proofLasts: 20 });
    api.embed = otherModel;
    await sleep(40);
    expect(await both.embedQuery("a")).toEqual(vectorOf("a"));
  });

  it("of queries counts too: other prompts are another space", async () => {
    const remote = await connectApi({ prompts: { query: "query: " } });
    expect(await errorOf(fallback([remote, localBackend()]))).toMatchObject({ code: "SPACE_MISMATCH" });
  });

  it.each([
    ["another length", { dimensions: 5 }, /has 5 dimensions, not 8/],
    ["raw vectors", { normalized: false }, /any length/],
  ])("with %s is refused without asking", async (_, options, message) => {
    const error = await errorOf(fallback([await connectApi(options), localBackend()]));
    expect(error.message).toMatch(message);
    expect(api.requests).toEqual([]);
  });

  it("of weights with the same hash needs no proof", async () => {
    const [first, second] = [localBackend(), localBackend()];
    const both = await fallback([first, second]);
    await both.embed("a");
    expect([first.calls, second.calls]).toEqual([1, 0]);
  });
});

describe("a backend that loads in the background", () => {
  it("keeps nobody waiting while the API answers, and is proven when it is there", async () => {
    let loaded: (backend: EmbeddingBackend) => void = () => undefined;
    const loading = new Promise<EmbeddingBackend>((resolve) => (loaded = resolve));
    const both = await fallback([await connectApi(), () => loading]);
    expect((await both.embed("a")).backend).toBe("api");
    loaded(localBackend());
    await vi.waitFor(() => {
      expect(api.requests.length).toBeGreaterThan(3);
    });
    await sleep(20);
    api.fault = down;
    expect((await both.embed("a")).backend).toBe("native");
  });

  it("of another model answers nothing", async () => {
    const both = await fallback([await connectApi(), () => Promise.resolve(localBackend("other"))]);
    await both.embed("a");
    await vi.waitFor(() => {
      expect(lines).toEqual([expect.stringMatching(/is not ready: SPACE_MISMATCH/)]);
    });
    api.fault = down;
    expect((await errorOf(both.embed("a"))).message).toMatch(/SPACE_MISMATCH/);
  });

  it("that could not be loaded is loaded when it is needed", async () => {
    let attempts = 0;
    const load = (): Promise<EmbeddingBackend> =>
      attempts++ === 0 ? Promise.reject(new Error("no disk")) : Promise.resolve(local);
    const local = localBackend();
    const both = await fallback([await connectApi({ space: local.space }), load]);
    await vi.waitFor(() => {
      expect(lines).toEqual([expect.stringMatching(/backend 2 is not ready: no disk/)]);
    });
    api.fault = down;
    expect((await both.embed("a")).backend).toBe("native");
  });
});

it("an API that is killed within 1,000 calls costs none of them; it is used again when it is back", async () => {
  const both = await fallback([await connectApi({ timeout: 5_000 }), localBackend()], { firstPause: 50 });
  const answered = { api: 0, native: 0 };
  const one = async (index: number): Promise<void> => {
    const texts = [`first ${String(index)}`, `second ${String(index)}`];
    const result = await both.embed(texts);
    expect([...result]).toEqual(texts.map((text) => vectorOf(text)));
    answered[result.backend as "api" | "native"]++;
    if (answered.api === 200 && answered.native === 0) api.stop();
  };
  const work = async (from: number, to: number): Promise<void> => {
    let next = from;
    const worker = async (): Promise<void> => {
      while (next < to) await one(next++);
    };
    await Promise.all(Array.from({ length: 8 }, worker));
  };
  await work(0, 600);
  expect(answered.native).toBeGreaterThan(300);
  await api.start();
  await vi.waitFor(async () => {
    expect((await both.embed("back")).backend).toBe("api");
  });
  const before = answered.api;
  await work(600, 1_000);
  expect(answered.api + answered.native).toBe(1_000);
  expect(answered.api - before).toBe(400);
  expect(lines).toHaveLength(2);
});

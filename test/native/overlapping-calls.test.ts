import { describe, expect, it } from "vitest";

import { NativeBackend } from "candle-embed";
import { loadForTests, tinyModel, underValgrind } from "./support.js";

const backend = await loadForTests();
/** Texts of a call that takes several steps, so that others can come between. */
const many = underValgrind ? 40 : 400;
const sentence = "Overlapping calls are answered one after another, in the order they were made. ";

describe("200 calls at once", () => {
  it("are answered in order, each with its own vectors", async () => {
    const order: number[] = [];
    const calls = Array.from({ length: 200 }, async (_, index) => {
      const result = await backend.embed(`call ${String(index)}`);
      order.push(index);
      return result.data;
    });
    const vectors = await Promise.all(calls);
    expect(order).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(vectors[123]).toEqual(await backend.embedQuery("call 123"));
    expect(vectors).toEqual([...(await backend.embed(order.map((index) => `call ${String(index)}`)))]);
  });
});

describe("two models", () => {
  it("take turns: a word on one is answered while a long call on the other runs", async () => {
    const tiny = await loadForTests(tinyModel);
    let finished = 0;
    let answered = false;
    const long = backend.embed(Array<string>(many).fill(sentence.repeat(5)), {
      onProgress: ({ texts }) => {
        finished = texts;
      },
    });
    const short = tiny.embed("word").then(() => {
      answered = true;
      return finished;
    });
    const next = backend.embed("after the long one").then(() => finished);
    expect(await short).toBeLessThan(many);
    expect(answered).toBe(true);
    expect((await long).count).toBe(many);
    // The same model answers in order.
    expect(await next).toBe(many);
  });
});

describe("the event loop", () => {
  it("turns while the engine works", async () => {
    let turns = 0;
    let done = false;
    const turn = (): void => {
      turns++;
      if (!done) setImmediate(turn);
    };
    turn();
    const steps: number[] = [];
    await backend.embed(Array<string>(many / 10).fill(sentence.repeat(12)), {
      onProgress: ({ texts }) => steps.push(texts),
    });
    done = true;
    // A loop that stands still during the work turns once or twice a step; one that does not, thousands of times.
    expect(turns).toBeGreaterThan(20 * steps.length);
    expect(steps.at(-1)).toBe(many / 10);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  });
});

describe("abort", () => {
  it("ends a running call between two steps", async () => {
    const controller = new AbortController();
    let last = 0;
    const call = backend.embed(Array<string>(many).fill(sentence.repeat(5)), {
      signal: controller.signal,
      onProgress: ({ texts }) => {
        last = texts;
        controller.abort(new Error("enough"));
      },
    });
    await expect(call).rejects.toMatchObject({ name: "AbortError", cause: { message: "enough" } });
    expect(last).toBeLessThan(many);
    expect((await backend.embed("after")).count).toBe(1);
  });

  it("takes half of many waiting calls away and leaves the others their order", async () => {
    const controller = new AbortController();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) => {
        const call = backend.embed(
          `text ${String(index)}`,
          index % 2 === 0 ? {} : { signal: controller.signal },
        );
        if (index === 59) controller.abort();
        return call;
      }),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(
      outcomes.map((_, index) => (index % 2 === 0 ? "fulfilled" : "rejected")),
    );
  });
});

describe("dispose", () => {
  it("ends running and waiting calls with DISPOSED, and is done when they are", async () => {
    const other = await NativeBackend.load();
    const texts = Array<string>(200).fill(sentence.repeat(5));
    const calls = [other.embed(texts), other.embed(texts), other.embed("last")];
    const outcomes = Promise.allSettled(calls);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await other.dispose();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "DISPOSED" } });
    }
    await expect(other.embed("late")).rejects.toMatchObject({ code: "DISPOSED" });
    expect((await backend.embed("another model goes on")).count).toBe(1);
  });

  it("can race with calls at any moment", async () => {
    for (let i = 0; i < 30; i++) {
      const tiny = await NativeBackend.load(tinyModel);
      const outcomes = Promise.allSettled([tiny.embed("a"), tiny.embed(["b", "c"]), tiny.embed("d")]);
      if (i % 3 === 1) await Promise.resolve();
      if (i % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([tiny.dispose(), tiny.dispose()]);
      for (const outcome of await outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "DISPOSED" });
      }
    }
  });
});

import { expect, it } from "vitest";

import { finished, startNode, tinyModel } from "./support.js";

/**
 * By how many megabytes the memory of a process grows from the first half of `rounds` to the second, by the medians: what
 * is not given back grows by half of the rounds, while caches and the allocator settle in the first ones.
 */
async function growth(setUp: string, round: string, rounds: number): Promise<number> {
  // In a process of its own, where nothing else moves the figure.
  const { code, stdout, stderr } = await finished(
    startNode(`
      import { NativeBackend } from "candle-embed";
      ${setUp}
      const used = [];
      for (let round = 0; round < ${String(rounds)}; round++) {
        ${round}
        used.push(process.memoryUsage().rss / 2 ** 20);
      }
      const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
      console.log(median(used.slice(used.length / 2)) - median(used.slice(0, used.length / 2)));
    `),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return Number(stdout);
}

it("dispose gives a model's memory back without waiting for a garbage collection", async () => {
  const round = `
    const backend = await NativeBackend.load();
    await backend.embed(["one", "two"]);
    const aborted = backend.embed(Array(500).fill("cut short by dispose"));
    await Promise.all([backend.dispose(), aborted.catch(() => {})]);
  `;
  // A dozen models that are kept would be several hundred megabytes.
  expect(await growth("", round, 24)).toBeLessThan(100);
});

it("calls leave no memory behind", async () => {
  const setUp = "const backend = await NativeBackend.load();";
  const round = `
    await Promise.all(Array.from({ length: 200 }, (_, index) => backend.embed(index + " a few words".repeat(5))));
  `;
  // 50 kB of each of the 1200 calls between the two halves would be 60 megabytes.
  expect(await growth(setUp, round, 12)).toBeLessThan(60);
});

it("a call of 100,000 texts needs memory for its texts and vectors only", async () => {
  // Texts of 4 tokens; their vectors are 154 megabytes, the texts themselves some 10.
  const { code, stdout, stderr } = await finished(
    startNode(`
      import { NativeBackend } from "candle-embed";
      const megabytes = () => process.memoryUsage().rss / 2 ** 20;
      const backend = await NativeBackend.load();
      await backend.embed(Array(2000).fill("warm up"));
      const texts = Array.from({ length: 100_000 }, (_, index) => (index % 2 ? "left " : "right ") + (index % 10));
      const before = megabytes();
      let most = before;
      const result = await backend.embed(texts, { onProgress: () => (most = Math.max(most, megabytes())) });
      const same = [4, 99_994].every((index) => result.at(index).every((value, at) => value === result.at(14)[at]));
      console.log(JSON.stringify({ count: result.count, same, more: Math.max(most, megabytes()) - before }));
    `),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const { count, same, more } = JSON.parse(stdout) as { count: number; same: boolean; more: number };
  expect({ count, same }).toEqual({ count: 100_000, same: true });
  expect(more).toBeLessThan(154 + 60);
}, 300_000);

it.runIf(process.platform === "linux")("making int8 weights at load leaves no threads behind", async () => {
  const { code, stdout, stderr } = await finished(
    startNode(`
      import { readdirSync } from "node:fs";
      import { setTimeout } from "node:timers/promises";
      import { NativeBackend } from "candle-embed";
      const count = () => readdirSync("/proc/self/task").length;
      const loadAndDispose = async (dtype) => {
        const backend = await NativeBackend.load(${JSON.stringify(tinyModel)}, { dtype, threads: 1 });
        await backend.dispose();
      };
      // What Node starts once.
      await loadAndDispose("float32");
      const before = count();
      await loadAndDispose("int8");
      // Threads that are told to end take a moment.
      for (let waits = 0; count() > before && waits < 50; waits++) await setTimeout(100);
      console.log(count() - before);
    `),
  );
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "0\n", stderr: "" });
});

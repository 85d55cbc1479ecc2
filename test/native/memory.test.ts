import { expect, it } from "vitest";

import { finished, startNode } from "./support.js";

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

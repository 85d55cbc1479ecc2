import { expect, it } from "vitest";

import { finished, startNode } from "./support.js";

it("dispose gives a model's memory back without waiting for a garbage collection", async () => {
  // In a process of its own, where nothing else moves the figure.
  const { code, stdout, stderr } = await finished(
    startNode(`
      import { NativeBackend } from "candle-embed";
      const used = [];
      for (let round = 0; round < 15; round++) {
        const backend = await NativeBackend.load();
        await backend.embed(["one", "two"]);
        const aborted = backend.embed(Array(500).fill("cut short by dispose"));
        await Promise.all([backend.dispose(), aborted.catch(() => {})]);
        used.push(process.memoryUsage().rss / 2 ** 20);
      }
      console.log(used.at(-1) - used[2]);
    `),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  // A dozen models that are kept would be several hundred megabytes.
  expect(Number(stdout)).toBeLessThan(100);
});

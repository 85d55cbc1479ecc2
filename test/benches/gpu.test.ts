import { expect, test } from "vitest";

import { enginesOn } from "../../benches/engines/on-gpu.mjs";
import { plotCalls } from "../../benches/report/gpu-plot.mjs";

test("texts a second against texts a call: a line for each engine, an SVG that stands alone", () => {
  const svg = plotCalls(
    {
      "candle-embed": [
        [1, 500],
        [32, 9000],
        [1024, 30_000],
      ],
      "sentence-transformers": [
        [1, 100],
        [32, 3000],
        [1024, 20_000],
      ],
    },
    "minilm, mixed texts, cuda",
  );
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox/);
  expect(svg).toContain("<title>minilm, mixed texts, cuda</title>");
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg.match(/<circle/g)).toHaveLength(6);
  expect(svg).toContain(">sentence-transformers</text>");
  expect(svg).not.toMatch(/NaN|undefined|Infinity|var\(|href|@import/);
});

test("both engines compute in the same arithmetic on the same device", () => {
  const told = (device: string) =>
    enginesOn(device).map(({ name, standard }) => ({ name, ...(standard({} as never) as object) }));
  expect(told("cuda:1")).toMatchObject([
    { name: "candle-embed", device: "cuda:1", dtype: "float16" },
    { name: "sentence-transformers", device: "cuda:1", dtype: "float16" },
  ]);
  expect(told("metal")).toMatchObject([{ device: "metal" }, { device: "mps" }]);
});

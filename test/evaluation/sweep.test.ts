// What quantisation and shorter vectors cost: outputs are the engine's own, and the figures are those of its vectors.
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

import { NativeBackend } from "candle-embed";
import {
  evaluate,
  plotSweep,
  sweep,
  toEmbedder,
  type RetrievalDataset,
  type SweepReport,
} from "candle-embed/evaluation";

import { cutRows, fromBits, sameBits, toBits, toInt8 } from "../../src/evaluation/sweep/quantise.js";
import { fixtures, largestDifference, loadForTests, readFixtureTexts, tinyModel } from "../native/support.js";

/** Without the few that fill the model's limit: they would take most of the time. */
const texts = readFixtureTexts()
  .map(({ text }) => text)
  .filter((text) => text.length < 400);

describe("outputs are what the engine gives", () => {
  it.each([undefined, 256, 64])("int8 and ubinary, cut to %j", async (dimensions) => {
    const backend = await loadForTests();
    const options = { ...(dimensions !== undefined && { dimensions, cutWithoutMatryoshka: true }) };
    const whole = await backend.embed(texts);
    const cut = cutRows({ data: whole.data, dimensions: whole.dimensions }, dimensions ?? whole.dimensions);
    const engine = await backend.embed(texts, options);
    expect(largestDifference(cut.data, engine.data)).toBeLessThan(2e-7);
    const own = { data: engine.data, dimensions: engine.dimensions };
    expect(toInt8(own)).toEqual((await backend.embed(texts, { ...options, outputType: "int8" })).data);
    expect(toBits(own)).toEqual((await backend.embed(texts, { ...options, outputType: "ubinary" })).data);
  });

  it("bits compare as their signs", () => {
    const data = Float32Array.of(1, -1, 1, 0, -1, 1, 1, 1, 1, 1, 1, -1, -1, 1, 1, -1);
    const bits = toBits({ data, dimensions: 8 });
    expect([...bits]).toEqual([0b10100111, 0b11100110]);
    expect([...fromBits(bits.subarray(0, 1))]).toEqual([1, -1, 1, -1, -1, 1, 1, 1]);
    expect(sameBits(bits, 0, bits, 1, 1)).toBe(6);
  });
});

const dataset: RetrievalDataset = {
  kind: "retrieval",
  name: "small <&>",
  queries: texts.slice(0, 20).map((text, index) => ({ id: `q${String(index)}`, text: `${text} ${text}` })),
  documents: texts.map((text, index) => ({ id: `d${String(index)}`, text })),
  judgements: new Map(
    texts.slice(0, 20).map((_, index) => [`q${String(index)}`, new Map([[`d${String(index)}`, 1]])]),
  ),
};

describe("a sweep", () => {
  let report: SweepReport;

  beforeAll(async () => {
    report = await sweep(tinyModel, dataset, { threads: 1 });
  });

  it("has every arithmetic, length and output, with bytes, speed and memory", () => {
    expect(report).toMatchObject({
      dataset: "small <&>",
      metric: "ndcg@10",
      texts: 20 + texts.length,
      threads: 1,
    });
    expect(
      report.points.map(({ dtype, output, dimensions }) => `${dtype} ${output} ${String(dimensions)}`),
    ).toEqual(
      ["float32", "int8"].flatMap((dtype) =>
        ["float32", "int8", "binary", "binary+rescore"].map((output) => `${dtype} ${output} 32`),
      ),
    );
    for (const { textsPerSecond, peakBytes, quality } of report.points) {
      expect(textsPerSecond).toBeGreaterThan(0);
      expect(peakBytes).toBeGreaterThan(20e6);
      expect(peakBytes).toBeLessThan(1e9);
      expect(quality).toBeGreaterThan(0);
      expect(quality).toBeLessThanOrEqual(1);
    }
    expect(report.points.slice(0, 4).map(({ bytesPerVector }) => bytesPerVector)).toEqual([128, 32, 4, 4]);
  });

  it("has float32 where evaluate has it, and rescoring at least as good as bits alone", async () => {
    await using backend = await NativeBackend.load(tinyModel);
    const { metrics } = await evaluate(toEmbedder(backend), dataset);
    const [whole, , bits, rescored] = report.points.map(({ quality }) => quality);
    expect(whole).toBeCloseTo(metrics["ndcg@10"] ?? NaN, 6);
    expect(rescored).toBeGreaterThanOrEqual(bits ?? NaN);
  });

  it("is drawn with a mark for each point and names that cannot break the drawing", () => {
    const svg = plotSweep({ ...report, modelId: '<script>"&' });
    expect(svg.match(/<title>/g)).toHaveLength(report.points.length);
    expect(svg).toContain("&lt;script&gt;&quot;&amp; on small &lt;&amp;&gt;");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});

it("cuts as the engine does where a model does more than cut", async () => {
  // NomicBERT vectors are layer-normed before they are cut.
  const model = path.join(fixtures, "tiny-nomic-bert");
  await using backend = await NativeBackend.load(model);
  const dimensions = backend.dimensions / 2;
  const { points } = await sweep(model, dataset, {
    dtypes: ["float32"],
    dimensions: [dimensions],
    outputs: ["float32"],
  });
  const cut = toEmbedder(backend, "cut", { dimensions, cutWithoutMatryoshka: true });
  expect(points[0]?.quality).toBeCloseTo((await evaluate(cut, dataset)).metrics["ndcg@10"] ?? NaN, 6);
});

it("measures pairs of sentences too, where rescoring has no meaning", async () => {
  const pairs = texts
    .slice(0, 30)
    .map((first, index) => ({ first, second: texts[index + 20] ?? "", score: index % 5 }));
  const { points, metric } = await sweep(
    tinyModel,
    { kind: "sts", name: "pairs", pairs },
    { dtypes: ["int8"] },
  );
  expect(metric).toBe("spearman");
  expect(points.map(({ output }) => output)).toEqual(["float32", "int8", "binary"]);
});

it.each([
  [{ dimensions: [12] }, "INVALID_INPUT", /binary output packs 8 dimensions a byte; 12 do not fit/],
  [{ dimensions: [640] }, "INVALID_INPUT", /has 32 dimensions, not 640/],
  [{ signal: AbortSignal.abort() }, "ABORTED", /aborted/],
])("refuses %j", async (options, code, message) => {
  await expect(sweep(tinyModel, dataset, options)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
});

it("ends its process whenever it is aborted, and tells what loading says", async () => {
  // A task that takes longer to send than a pipe holds: the process may end before it, within it and after it.
  const long = {
    ...dataset,
    documents: Array.from({ length: 40_000 }, (_, index) => ({
      id: `d${String(index)}`,
      text: "a b ".repeat(50),
    })),
  };
  for (const delay of [0, 10, 30, 100, 300, 1_000]) {
    const controller = new AbortController();
    const ended = sweep(undefined, long, { signal: controller.signal });
    setTimeout(() => {
      controller.abort();
    }, delay);
    await expect(ended).rejects.toMatchObject({ code: "ABORTED" });
  }
  await expect(sweep("./no-such-folder", dataset, {})).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
});

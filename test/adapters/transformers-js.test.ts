// The look-alike beside the real pipeline of transformers.js, on the same weights.
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { pipeline, type FeatureExtractionPipeline, type Tensor } from "candle-embed/transformers";
import { getTestWeights } from "../../scripts/get-test-weights.mjs";

import { fixtures } from "../native/support.js";
import { enginesFolder, makeOnnx, noEngines } from "./onnx-engines.js";
import { temporaryFolder } from "./support.js";

const weights = await getTestWeights();
const texts = [
  "The cable is two metres long.",
  "naïve café, 日本語, 🦜",
  "",
  "Returns are free of charge within thirty days.",
];

/** What of its package is used here. */
interface TransformersJs {
  env: { allowRemoteModels: boolean; localModelPath: string };
  pipeline(
    task: "feature-extraction",
    model: string,
    options: { dtype: "fp32" },
  ): Promise<FeatureExtractionPipeline & { tokenizer: Tokenizer }>;
}

type Tokenizer = (text: string, options: { truncation: true }) => { input_ids: { tolist(): bigint[][] } };

async function importTransformersJs(): Promise<TransformersJs> {
  const folder = path.join(enginesFolder(), "@huggingface/transformers");
  const { exports } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    exports: { node: { import: { default: string } } };
  };
  const entry = path.join(folder, exports.node.import.default);
  return (await import(pathToFileURL(entry).href)) as TransformersJs;
}

describe.skipIf(noEngines !== undefined)(`transformers.js ${noEngines ?? ""}`, () => {
  const models = temporaryFolder();
  let theirs: TransformersJs;
  let made = 0;
  beforeAll(async () => {
    theirs = await importTransformersJs();
    Object.assign(theirs.env, { allowRemoteModels: false, localModelPath: models });
  });

  /** Both pipelines of a model folder. */
  async function load(folder: string) {
    const name = `model-${String(made++)}`;
    await makeOnnx(folder, path.join(models, name));
    const before = await theirs.pipeline("feature-extraction", name, { dtype: "fp32" });
    const after = await pipeline("feature-extraction", folder, { dtype: "fp32" });
    onTestFinished(async () => {
      await before.dispose();
      await after.dispose();
    });
    return { before, after };
  }

  it.each([
    { name: "tiny-bert-mean", folder: path.join(fixtures, "tiny-bert-mean"), pooling: "mean" },
    { name: "tiny-bert-cls", folder: path.join(fixtures, "tiny-bert-cls"), pooling: "cls" },
  ] as const)("$name: the same tensors", async ({ folder, pooling }) => {
    const { before, after } = await load(folder);
    for (const normalize of [true, false]) {
      const options = { pooling, normalize };
      // One by one, then in one call, where transformers.js pads: its numbers then differ a little from its own.
      for (const given of [...texts, texts])
        expectSame(await after(given, options), await before(given, options));
    }
    for (const precision of ["binary", "ubinary"] as const) {
      const options = { pooling, quantize: true, precision };
      const [now, old] = [await after(texts, options), await before(texts, options)];
      expect(now.data).toEqual(old.data);
      expectSame(now, old);
    }
    expectSame(
      await after(texts, { pooling, quantize: true }),
      await before(texts, { pooling, quantize: true }),
    );
  });

  it.skipIf(weights.path === undefined)(
    `all-MiniLM-L6-v2: the same tensors ${weights.reason ?? ""}`,
    async () => {
      const { before, after } = await load(weights.path as string);
      const options = { pooling: "mean", normalize: true } as const;
      for (const given of [...texts, texts])
        expectSame(await after(given, options), await before(given, options));
      const long = "Returns are free of charge within thirty days of delivery. ".repeat(20);
      expectSame(await after(long, options), await before(long, options));
    },
  );

  it("differs where the page says so: no vectors of tokens, no pooling of another kind, no cut without its last token", async () => {
    const { before, after } = await load(path.join(fixtures, "tiny-bert-mean"));
    expect((await before("a text", { pooling: "none" as "mean" })).dims).toHaveLength(3);
    await expect(after("a text", { pooling: "none" as "mean" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect((await before("a text", { pooling: "cls" })).dims).toEqual([1, 32]);
    await expect(after("a text", { pooling: "cls" })).rejects.toThrow('pass pooling: "mean"');
    await expect(before([], { pooling: "mean" })).rejects.toThrow();
    expect((await after([], { pooling: "mean" })).dims).toEqual([0, 0]);
    // transformers.js cuts the closing token off with the rest, which no model was trained with.
    const lastOf = (text: string): number | undefined =>
      before.tokenizer(text, { truncation: true }).input_ids.tolist()[0]?.map(Number).at(-1);
    expect(lastOf("delivery ".repeat(100))).not.toBe(lastOf("delivery"));
  });
});

/** Everything that a program reads of a result. */
function expectSame(now: Tensor, old: Tensor): void {
  expect(now.type).toBe(old.type);
  expect(now.dims).toEqual([...old.dims]);
  expect(now.size).toBe(old.size);
  expect(now.data.constructor.name).toBe(old.data.constructor.name);
  expect(furthest(now.data, old.data)).toBeLessThan(5e-6);
  const rows = old.tolist() as number[][];
  expect((now.tolist() as number[][]).map((row) => row.length)).toEqual(rows.map((row) => row.length));
  expect([...now].map((row) => (row as Tensor).dims)).toEqual(
    [...old].map((row) => [...(row as Tensor).dims]),
  );
  const last = rows.length - 1;
  expect(furthest(now[last]?.tolist() as number[], old[last]?.tolist() as number[])).toBeLessThan(5e-6);
  expect(Array.from(now[last] as Tensor)).toEqual(now[last]?.tolist());
}

/** Of numbers around 1. */
function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))));
}

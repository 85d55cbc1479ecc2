// What int8 costs, on the texts of the data folder ($CANDLE_EMBED_TEST_DATA, or shared/data beside the repository).
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { cosineSimilarity, NativeBackend, type Embeddings } from "candle-embed";
import { evaluate, openDataset, type Embedder, type TextKind } from "candle-embed/evaluation";

import quality from "../fixtures/quality.json" with { type: "json" };
import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { root } from "./support.js";

const data = process.env["CANDLE_EMBED_TEST_DATA"] ?? path.join(root, "../shared/data");
const weights = await getTestWeights();
const missing =
  weights.path === undefined
    ? weights.reason
    : existsSync(data)
      ? undefined
      : `there is no data folder ${data}`;
/** Without vector instructions the float32 model takes a second for three abstracts. */
const slow = 900_000;
const title = missing === undefined ? "int8 against float32" : `int8 against float32: ${missing}`;

describe.skipIf(missing !== undefined)(title, () => {
  test.each(["short", "mixed"])(
    "cosine on %s texts: 0.9993 on average, 0.99 at least",
    async (name) => {
      const texts = readFileSync(path.join(data, `texts/${name}.txt`), "utf8")
        .trimEnd()
        .split("\n");
      const [exact, close] = await withBoth((backend) => backend.embed(texts));
      const { mean, least } = cosines(exact, close);
      expect(mean).toBeGreaterThan(0.9993);
      expect(least).toBeGreaterThan(0.99);
    },
    slow,
  );

  test(
    "STS benchmark: Spearman of float32 equals sentence-transformers', of int8 at least 0.8190",
    async () => {
      const [exact, close] = await withBoth(measure("stsb/test.tsv", "spearman"));
      expect(exact).toBeCloseTo(quality.stsb_test.spearman, 4);
      expect(close).toBeGreaterThanOrEqual(0.819);
    },
    slow,
  );

  test(
    "Cranfield: nDCG@10 of float32 equals sentence-transformers', of int8 at most 1 % less; cosine of the documents",
    async () => {
      const corpora: Float32Array[][] = [];
      const [exact, close] = await withBoth((backend) => {
        const corpus: Float32Array[] = [];
        corpora.push(corpus);
        return measure("cranfield", "ndcg@10", (vectors, kind) => {
          if (kind === "document") corpus.push(...vectors);
        })(backend);
      });
      expect(exact).toBeCloseTo(quality.cranfield.ndcg_at_10, 4);
      expect(close / exact).toBeGreaterThan(0.99);
      const [exactCorpus = [], closeCorpus = []] = corpora;
      expect(exactCorpus).toHaveLength(quality.cranfield.documents);
      const { mean, least } = cosines(exactCorpus, closeCorpus);
      expect(mean).toBeGreaterThan(0.9993);
      expect(least).toBeGreaterThan(0.99);
    },
    slow,
  );
});

/** A metric on a data set; `onVectors` sees what the backend gave. */
function measure(
  name: string,
  metric: string,
  onVectors?: (vectors: Embeddings, kind: TextKind) => void,
): (backend: NativeBackend) => Promise<number> {
  return async (backend) => {
    const embedder: Embedder = {
      name: backend.modelId,
      embed: async (texts, kind) => {
        const vectors = await backend.embed(texts);
        onVectors?.(vectors, kind);
        return vectors;
      },
    };
    const { metrics } = await evaluate(embedder, await openDataset(path.join(data, name)));
    return metrics[metric] ?? NaN;
  };
}

function cosines(
  exact: Iterable<Float32Array>,
  close: Iterable<Float32Array>,
): { mean: number; least: number } {
  const others = [...close];
  const all = Array.from(exact, (vector, index) => cosineSimilarity(vector, others[index] ?? []));
  return { mean: all.reduce((sum, cosine) => sum + cosine, 0) / all.length, least: Math.min(...all) };
}

/** What the float32 model gives, and what the embedded int8 one gives. */
async function withBoth<Result>(use: (backend: NativeBackend) => Promise<Result>): Promise<[Result, Result]> {
  const results: Result[] = [];
  for (const model of [weights.path, undefined]) {
    await using backend = await NativeBackend.load(model);
    results.push(await use(backend));
  }
  return results as [Result, Result];
}

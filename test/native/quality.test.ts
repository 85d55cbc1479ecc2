// What int8 costs, on the texts of the data folder ($CANDLE_EMBED_TEST_DATA, or shared/data beside the repository).
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { cosineSimilarity, dotProduct, NativeBackend, type Embeddings } from "candle-embed";

import quality from "../fixtures/quality.json" with { type: "json" };
import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { ndcg, spearman } from "./metrics.js";
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
      const { mean, least } = cosines(...(await embedBoth(lines(`texts/${name}.txt`))));
      expect(mean).toBeGreaterThan(0.9993);
      expect(least).toBeGreaterThan(0.99);
    },
    slow,
  );

  test(
    "STS benchmark: Spearman of float32 0.8203, of int8 at least 0.8190",
    async () => {
      const rows = lines("stsb/test.tsv")
        .map((line) => line.split("\t"))
        .filter(([score]) => !Number.isNaN(Number(score)));
      const scores = rows.map(([score]) => Number(score));
      const [exact, close] = await embedBoth(rows.flatMap(([, first = "", second = ""]) => [first, second]));
      const spearmanOf = (vectors: Embeddings) =>
        spearman(
          scores,
          scores.map((_, index) => cosineSimilarity(vectors.at(2 * index), vectors.at(2 * index + 1))),
        );
      expect(spearmanOf(exact)).toBeCloseTo(0.8203, 4);
      expect(spearmanOf(close)).toBeGreaterThanOrEqual(0.819);
    },
    slow,
  );

  test(
    "Cranfield: nDCG@10 of float32 0.5062, of int8 at most 1 % less; cosine of the documents",
    async () => {
      const documents = jsonLines("cranfield/corpus.jsonl");
      const queries = jsonLines("cranfield/queries.jsonl");
      const grades = new Map<string, Map<string, number>>();
      for (const line of lines("cranfield/qrels.tsv").slice(1)) {
        const [query = "", document = "", grade] = line.split("\t");
        grades.set(query, (grades.get(query) ?? new Map<string, number>()).set(document, Number(grade)));
      }
      const corpora = await embedBoth(documents.map(({ title = "", text }) => `${title} ${text}`.trim()));
      const asked = await embedBoth(queries.map(({ text }) => text));
      const ids = documents.map(({ _id }) => _id);
      const [exact, close] = corpora.map((corpus, dtype) => {
        const gains = queries.flatMap(({ _id }, index) => {
          const relevant = grades.get(_id);
          if (relevant === undefined) return [];
          const query = (asked[dtype] as Embeddings).at(index);
          const scores = Float64Array.from(ids, (_, document) => dotProduct(query, corpus.at(document)));
          return [ndcg(relevant, scores, ids, 10)];
        });
        return gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
      }) as [number, number];
      expect(exact).toBeCloseTo(quality.cranfield.ndcg_at_10, 4);
      expect(close / exact).toBeGreaterThan(0.99);
      const { mean, least } = cosines(...corpora);
      expect(mean).toBeGreaterThan(0.9993);
      expect(least).toBeGreaterThan(0.99);
    },
    slow,
  );
});

function jsonLines(file: string): { _id: string; title?: string; text: string }[] {
  return lines(file).map((line) => JSON.parse(line) as { _id: string; title?: string; text: string });
}

function cosines(exact: Embeddings, close: Embeddings): { mean: number; least: number } {
  const all = Array.from(exact, (vector, index) => cosineSimilarity(vector, close.at(index)));
  return { mean: all.reduce((sum, cosine) => sum + cosine, 0) / all.length, least: Math.min(...all) };
}

function lines(file: string): string[] {
  return readFileSync(path.join(data, file), "utf8").trimEnd().split("\n");
}

async function embedBoth(texts: string[]): Promise<[Embeddings, Embeddings]> {
  const results: Embeddings[] = [];
  for (const model of [weights.path, undefined]) {
    await using backend = await NativeBackend.load(model);
    results.push(await backend.embed(texts));
  }
  return results as [Embeddings, Embeddings];
}

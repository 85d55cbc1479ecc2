// What int8 costs, on the texts of the data folder ($CANDLE_EMBED_TEST_DATA, or shared/data beside the repository).
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { cosineSimilarity, NativeBackend, type Embeddings } from "candle-embed";

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
const title = missing === undefined ? "int8 against float32" : `int8 against float32: ${missing}`;

describe.skipIf(missing !== undefined)(title, () => {
  test("cosine on short texts: 0.9993 on average, 0.99 at least", async () => {
    const texts = lines("texts/short.txt");
    const [exact, close] = await embedBoth(texts);
    const cosines = texts.map((_, index) => cosineSimilarity(exact.at(index), close.at(index)));
    expect(cosines.reduce((sum, cosine) => sum + cosine, 0) / texts.length).toBeGreaterThan(0.9993);
    expect(Math.min(...cosines)).toBeGreaterThan(0.99);
  }, 120_000);

  test("STS benchmark: Spearman of float32 0.8203, of int8 at least 0.8190", async () => {
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
  }, 120_000);
});

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

function spearman(left: number[], right: number[]): number {
  const [a, b] = [ranks(left), ranks(right)];
  const mean = (a.length - 1) / 2;
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  a.forEach((rank, index) => {
    const other = b[index] as number;
    product += (rank - mean) * (other - mean);
    squaresA += (rank - mean) ** 2;
    squaresB += (other - mean) ** 2;
  });
  return product / Math.sqrt(squaresA * squaresB);
}

/** Positions in ascending order; equal values share the mean of theirs. */
function ranks(values: number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const result = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && order[end]?.value === order[start]?.value) end++;
    for (let at = start; at < end; at++) result[order[at]?.index as number] = (start + end - 1) / 2;
    start = end;
  }
  return result;
}

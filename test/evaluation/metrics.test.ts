// The metrics against pytrec_eval and scipy: stored answers (`scripts/make-metrics.py`), and live ones where they can be had.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { pearson, rankDocuments, retrievalMetric, spearman } from "candle-embed/evaluation";

import { getMetrics } from "../../scripts/get-metrics.mjs";
import stored from "../fixtures/metrics.json" with { type: "json" };
import { root } from "../native/support.js";

type Table = Record<string, Record<string, number>>;

interface Questions {
  readonly qrels: Table;
  readonly runs: Table;
  readonly lists: number[][][];
}

interface Answers {
  readonly retrieval: Table;
  readonly correlations: { readonly spearman: number; readonly pearson: number }[];
}

const script = path.join(root, "scripts/make-metrics.py");

function compare({ qrels, runs, lists }: Questions, { retrieval, correlations }: Answers): void {
  expect(Object.keys(retrieval).length).toBeGreaterThan(20);
  for (const [query, expected] of Object.entries(retrieval)) {
    const ranking = rankDocuments(Object.entries(runs[query] ?? {}));
    const judgements = new Map(Object.entries(qrels[query] ?? {}));
    for (const [name, value] of Object.entries(expected)) {
      expect(retrievalMetric(name)(ranking, judgements), `${query} ${name}`).toBeCloseTo(value, 9);
    }
  }
  lists.forEach(([left = [], right = []], index) => {
    expect(spearman(left, right)).toBeCloseTo(correlations[index]?.spearman ?? NaN, 9);
    expect(pearson(left, right)).toBeCloseTo(correlations[index]?.pearson ?? NaN, 9);
  });
}

const found = await getMetrics();

it("metrics equal pytrec_eval's and scipy's, to 1e-9", () => {
  compare(stored, stored);
});

describe.skipIf(found.path === undefined)(`asked live ${found.reason ?? ""}`, () => {
  it("metrics equal pytrec_eval's and scipy's on runs nobody has seen, to 1e-9", () => {
    for (let round = 0; round < 5; round++) {
      const questions = ask();
      if (found.path === undefined) throw new Error(found.reason);
      const answers = execFileSync(found.python, [script, "--answer"], {
        env: { ...process.env, PYTHONPATH: found.path },
        input: JSON.stringify(questions),
        encoding: "utf8",
      });
      compare(questions, JSON.parse(answers) as Answers);
    }
  });
});

function ask(): Questions {
  const pick = (most: number): number => Math.floor(Math.random() * most);
  const names = Array.from({ length: 120 }, (_, index) => `${"abÀ漢"[index % 4] ?? ""}${String(index)}`);
  const table = (most: number, value: () => number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: 1 + pick(most) }, () => [names[pick(120)] as string, value()]));
  const queries = Array.from({ length: 30 }, (_, index) => `q${String(index)}`);
  return {
    qrels: Object.fromEntries(queries.map((query) => [query, table(40, () => pick(5) - 1)])),
    runs: Object.fromEntries(queries.map((query) => [query, table(150, () => pick(20) / 20)])),
    lists: Array.from({ length: 10 }, () => [
      Array.from({ length: 40 }, () => pick(9)),
      Array.from({ length: 40 }, () => pick(9) / 9),
    ]),
  };
}

it("orders by float32 score, then by descending bytes of the id", () => {
  expect(
    rankDocuments([
      ["a", 1],
      ["b", 1 + 1e-12],
      ["\uFFED", 1],
      ["\u{1D521}", 1],
      ["c", 2],
    ]),
  ).toEqual(["c", "\u{1D521}", "\uFFED", "b", "a"]);
});

it.each(["ndcg", "ndcg@0", "precision@3", "map@x", ""])(
  "refuses the metric %j and says which there are",
  (name) => {
    expect(() => retrievalMetric(name)).toThrow(/there are ndcg@K, recall@K/);
  },
);

it("refuses lists that are not pairs", () => {
  expect(() => spearman([1, 2], [1])).toThrow(/two lists of the same length/);
});

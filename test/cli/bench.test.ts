// `candle-embed bench`, with the tiny model and data sets of a few lines.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";

import { runCli, startCli, temporaryFolder, tinyModel } from "./support.js";

const folder = temporaryFolder();
const beir = path.join(folder, "fruit");
const pairs = path.join(folder, "pairs.tsv");

beforeAll(() => {
  mkdirSync(path.join(beir, "qrels"), { recursive: true });
  const words = ["apples", "pears", "plums", "cherries", "grapes"];
  const lines = (of: (word: string, index: number) => string): string => words.map(of).join("\n");
  writeFileSync(
    path.join(beir, "corpus.jsonl"),
    lines((text, index) => JSON.stringify({ _id: `d${String(index)}`, text })),
  );
  writeFileSync(
    path.join(beir, "queries.jsonl"),
    lines((text, index) => JSON.stringify({ _id: `q${String(index)}`, text: `ripe ${text}` })),
  );
  writeFileSync(
    path.join(beir, "qrels/test.tsv"),
    `query-id\tcorpus-id\tscore\n${lines((_, index) => `q${String(index)}\td${String(index)}\t1`)}\n`,
  );
  writeFileSync(
    pairs,
    lines((word, index) => `${String(index)}\tripe ${word}\t${word} and more`),
  );
});

it("measures models on data sets, one table a kind", async () => {
  const { code, stdout, stderr } = await runCli([
    ...["bench", "quality", "--data", pairs, "--data", beir, "--dtype", "float32,int8", tinyModel],
  ]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(/^model +data +ndcg@10 +recall@10 +recall@100 +mrr@10 +map +texts\/s$/);
  expect(lines[1]).toMatch(/^tiny-bert-mean float32 +fruit +0\.\d{4} +1\.0000 /);
  expect(lines[2]).toMatch(/^tiny-bert-mean int8 +fruit /);
  expect(lines[4]).toMatch(/^model +data +spearman +pearson/);
  expect(lines[5]).toMatch(/^tiny-bert-mean float32 +pairs\.tsv +-?0\.\d{4}/);
});

it("writes Markdown, and JSON with the figures unrounded; several data sets have a mean", async () => {
  const args = [
    "bench",
    "quality",
    "--data",
    beir,
    "--data",
    `${beir}/`,
    "--metrics",
    "mrr@1,map",
    tinyModel,
  ];
  const markdown = await runCli([...args, "--markdown"]);
  expect(markdown.stdout).toMatch(
    /^\| model \| data \| mrr@1 \| map \| texts\/s \|\n\| --- \| --- \| ---: \| ---: \| ---: \|\n/,
  );
  expect(markdown.stdout).toMatch(/\| mean of 2 \|/);
  const json = await runCli([...args, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject([
    { embedder: "tiny-bert-mean float32", dataset: "fruit", kind: "retrieval", main: "mrr@1", texts: 10 },
    { dataset: "fruit" },
  ]);
});

it("leaves out documents with the query's id where it is asked to", async () => {
  const same = path.join(folder, "same");
  mkdirSync(same);
  const row = (id: string, text: string): string => JSON.stringify({ _id: id, text });
  writeFileSync(path.join(same, "corpus.jsonl"), `${row("1", "apples")}\n${row("2", "apples red")}`);
  writeFileSync(path.join(same, "queries.jsonl"), row("1", "apples"));
  writeFileSync(path.join(same, "qrels.tsv"), "query-id\tcorpus-id\tscore\n1\t2\t1\n");
  const measure = async (...more: string[]): Promise<unknown> => {
    const args = ["bench", "quality", "--data", same, "--metrics", "mrr@10", "--json", tinyModel];
    const [{ metrics }] = JSON.parse((await runCli([...args, ...more])).stdout) as [{ metrics: unknown }];
    return metrics;
  };
  expect(await measure()).toEqual({ "mrr@10": 0.5 });
  expect(await measure("--ignore-identical-ids")).toEqual({ "mrr@10": 1 });
});

it("measures recall on a scenario, by kind of distractor, and lists the misses", async () => {
  const { code, stdout } = await runCli([
    "bench",
    "recall",
    "--scenario",
    "agent-memory",
    "--misses",
    tinyModel,
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Questions answered by the first hit/);
  expect(stdout).toMatch(/^model +agent-memory +all +all @5 +MRR$/m);
  expect(stdout).toMatch(
    /^model +near-duplicate +negation +other-entity +other-time +other-number +other-meaning$/m,
  );
  expect(stdout).toMatch(/^tiny-bert-mean float32 {2}agent-memory\/[a-z-]+ {2}rank \d+, first: .+$/m);
});

it("measures recall on all scenarios that come along", async () => {
  const { stdout } = await runCli(["bench", "recall", "--json", tinyModel]);
  const [{ scenarios, all }] = JSON.parse(stdout) as [{ scenarios: { scenario: string }[]; all: object }];
  expect(scenarios.map(({ scenario }) => scenario)).toHaveLength(6);
  expect(all).toMatchObject({ scenario: "all", questions: 143 });
});

it("sweeps a model, and draws it", async () => {
  const plot = path.join(folder, "sweep.svg");
  const { code, stdout, stderr } = await runCli([
    ...["bench", "sweep", "--data", beir, "--plot", plot, "--dimensions", "32,16", tinyModel],
  ]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const rows = stdout.trimEnd().split("\n");
  expect(rows[0]).toMatch(/^tiny-bert-mean on fruit: 10 texts, \d+ threads$/);
  expect(rows).toHaveLength(3 + 2 * 2 * 4);
  expect(rows[3]).toMatch(/^float32 +32 +float32 +128 +\d\.\d{4} +100\.0 % +\d+ +\d+(?:\.\d+)? MB$/);
  expect(existsSync(plot) && readFileSync(plot, "utf8")).toMatch(/^<svg [^]*<\/svg>\n$/);
});

it.each([
  [["bench"], /USAGE: bench measures quality, recall, speed, sweep; say which/],
  [["bench", "speeed"], /USAGE: bench measures quality, recall, speed, sweep; say which, not "speeed"/],
  [["bench", "quality", "--dtype", "int4"], /USAGE: --dtype must be one of float32, int8, not "int4"/],
  [["bench", "quality", "--dtype", "int8,"], /USAGE: --dtype has nothing between two commas/],
  [
    ["bench", "sweep", "--dimensions", "many"],
    /USAGE: --dimensions must be a whole number from 1, not "many"/,
  ],
  [
    ["bench", "sweep", "--outputs", "float16"],
    /USAGE: --outputs must be one of float32, int8, binary, binary\+rescore/,
  ],
  [["bench", "quality", "--metrics", "precision@3"], /USAGE: there is no metric "precision@3"/],
  [["bench", "speed", "--save", "src"], /USAGE: --save must name a file, not the folder "src"/],
  [["bench", "sweep", "--plot", "docs"], /USAGE: --plot must name a file, not the folder "docs"/],
  [["bench", "recall", "--json", "--markdown"], /USAGE: --json or --markdown, not both/],
  [["bench", "sweep", "a", "b"], /USAGE: bench sweep takes one MODEL/],
])("%j is wrong usage", async (args, message) => {
  const { code, stderr } = await runCli(args);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

it.each([
  [["bench", "quality", "--data", "nowhere"], /INVALID_INPUT: there is no data set "nowhere"/],
  [
    ["bench", "speed", "--save", "nowhere/x.json"],
    /INVALID_INPUT: there is no folder nowhere to write x\.json to/,
  ],
  [
    ["bench", "recall", "--scenario", "nowhere.json"],
    /INVALID_INPUT: there is no scenario "nowhere\.json": give a file, or one of agent-memory,/,
  ],
  [
    ["bench", "sweep", "--data", "stsb", "--offline", "--cache-dir", folder],
    /OFFLINE: sentence-transformers\/stsb: it is not in the cache/,
  ],
])("%j fails with what to do", async (args, message) => {
  const { code, stderr } = await runCli([...args, tinyModel]);
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
});

it.skipIf(!existsSync("/dev/full"))("prints what it measured where that cannot be saved", async () => {
  const { code, stdout, stderr } = await runCli([
    ...["bench", "quality", "--data", pairs, "--save", "/dev/full", tinyModel],
  ]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("ENOSPC") as string });
  expect(stdout).toMatch(/spearman/);
});

it("ends at Ctrl-C, the process that embeds too", async () => {
  const big = path.join(folder, "big.tsv");
  writeFileSync(
    big,
    Array.from({ length: 20_000 }, (_, index) => `${String(index % 5)}\t${"a long one ".repeat(40)}\tb`).join(
      "\n",
    ),
  );
  const child = startCli(["bench", "sweep", "--data", big]);
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  child.kill("SIGINT");
  expect([130, "SIGINT"]).toContain(await ended);
});

it("measures speed by length of texts and size of calls", async () => {
  const { code, stdout } = await runCli([
    ...["bench", "speed", "--tokens", "8,16,100000", "--texts", "1,3", "--dtype", "float32,int8", "--json"],
    tinyModel,
  ]);
  expect(code).toBe(0);
  const results = JSON.parse(stdout) as { embedder: string; points: Record<string, number>[] }[];
  expect(results.map(({ embedder }) => embedder)).toEqual(["tiny-bert-mean float32", "tiny-bert-mean int8"]);
  for (const { points } of results) {
    expect(points.map(({ texts }) => texts)).toEqual([1, 3, 1, 3]);
    for (const { calls, textsPerSecond, texts, p50Ms, p95Ms } of points) {
      expect(calls).toBeGreaterThanOrEqual(3);
      expect(textsPerSecond).toBeCloseTo((1000 * (texts as number)) / (p50Ms as number));
      expect(p95Ms).toBeGreaterThanOrEqual(p50Ms as number);
    }
  }
  const table = await runCli(["bench", "speed", "--tokens", "8", "--texts", "1", tinyModel]);
  expect(table.stdout).toMatch(
    /^tiny-bert-mean float32: loaded in \d+ ms, \d+ threads\n\nmodel +tokens a text/,
  );
  const tooLong = await runCli(["bench", "speed", "--tokens", "100000", tinyModel]);
  expect([tooLong.code, tooLong.stderr]).toEqual([1, expect.stringContaining("fewer than any of 100000")]);
});

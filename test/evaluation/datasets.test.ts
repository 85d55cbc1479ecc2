// Data sets: folders and files of the published forms, and those of the hub by name, from a hub on this machine.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeEach, expect, it, vi } from "vitest";

import {
  expandDatasetNames,
  hubDatasetNames,
  openDataset,
  readBeirFolder,
  readStsFile,
} from "candle-embed/evaluation";

import { startHub, newCache, hubEnvironment } from "../hub/support.js";
import { fixtures, temporaryFolder } from "../native/support.js";

const stored = path.join(fixtures, "datasets");
let folder: string;
let count = 0;
const parent = temporaryFolder();

beforeEach(() => {
  folder = path.join(parent, String(count++));
  mkdirSync(folder);
});

function put(name: string, content: string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

function putBeir(qrels = "qrels/test.tsv"): void {
  put(
    "corpus.jsonl",
    '{"_id":"1","title":"Red","text":"apples"}\n{"_id":"2","text":"pears"}\n{"_id":"3","text":""}\n',
  );
  put("queries.jsonl", '{"_id":"a","text":"fruit"}\r\n{"_id":"b","text":"nothing judged"}\n\n');
  put(qrels, "query-id\tcorpus-id\tscore\na\t1\t2\na\t2\t0\n");
}

it.each(["qrels/test.tsv", "qrels/dev.tsv", "qrels.tsv"])(
  "reads a folder of BEIR's form with %s",
  async (qrels) => {
    putBeir(qrels);
    const dataset = await openDataset(folder);
    expect(dataset).toMatchObject({
      kind: "retrieval",
      name: path.basename(folder),
      queries: [{ id: "a", text: "fruit" }],
      documents: [
        { id: "1", text: "Red apples" },
        { id: "2", text: "pears" },
        { id: "3", text: "" },
      ],
    });
    expect(dataset.kind === "retrieval" && Object.fromEntries(dataset.judgements.get("a") ?? [])).toEqual({
      1: 2,
      2: 0,
    });
  },
);

it("takes another split where it is asked for", async () => {
  putBeir();
  put("qrels/dev.tsv", "query-id\tcorpus-id\tscore\nb\t2\t1\n");
  const { queries } = await readBeirFolder(folder, "x", "dev");
  expect(queries.map(({ id }) => id)).toEqual(["b"]);
});

it.each([
  ["corpus.jsonl", '{"_id":"1","text":"a"}\n{"_id":"1","text":"b"}\n', /has the id "1", and so has another/],
  ["corpus.jsonl", '{"_id":"1","text":"a"}\nno json\n', /corpus\.jsonl: line 2 is no JSON object/],
  ["corpus.jsonl", '{"_id":"1"}\n', /a document of .* has no field "text"/],
  ["qrels/test.tsv", "query-id\tcorpus-id\tscore\na\t1\n", /line 2 is not query, document and grade/],
  [
    "qrels/test.tsv",
    "query-id\tcorpus-id\tscore\na\t1\tmuch\n",
    /no number where its score should be: "much"/,
  ],
  ["qrels/test.tsv", "query-id\tcorpus-id\tscore\nz\t1\t1\n", /none of its queries has a judgement/],
])("says what is wrong with %s", async (name, content, message) => {
  putBeir();
  put(name, content);
  await expect(openDataset(folder)).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringMatching(message) as string,
  });
});

it("reads sentence pairs with a head, without one, in the published columns and as JSON Lines", async () => {
  const pairs = [
    { first: "One.", second: 'It said "two".', score: 2.5 },
    { first: "Three.", second: "Four.", score: 0 },
  ];
  const files = [
    put("head.tsv", 'sentence1\tscore\tsentence2\nOne.\t2.5\tIt said "two".\nThree.\t0\tFour.\n'),
    put("bare.tsv", '2.5\tOne.\tIt said "two".\n0\tThree.\tFour.\n'),
    put(
      "sts-test.csv",
      'main-captions\tMSRvid\t2012test\t0024\t2.5\tOne.\tIt said "two".\tlicence\nmain-news\tx\t2014\t7\t0\tThree.\tFour.\n',
    ),
    put(
      "pairs.jsonl",
      pairs
        .map(({ first, second, score }) => JSON.stringify({ score, sentence1: first, sentence2: second }))
        .join("\n"),
    ),
  ];
  for (const file of files) expect((await readStsFile(file)).pairs).toEqual(pairs);
  expect(await openDataset(folder)).toMatchObject({ kind: "sts", pairs });
});

it("says which line of sentence pairs is wrong", async () => {
  const file = put("pairs.tsv", "1\ta\tb\nx\ta\tb\n");
  await expect(readStsFile(file)).rejects.toThrow(/pairs\.tsv: line 2 has no number/);
  await expect(readStsFile(put("short.tsv", "1\ta\n"))).rejects.toThrow(/line 1 is not a score and two/);
  await expect(readStsFile(put("empty.tsv", ""))).rejects.toThrow(/has 0 pairs; two are the least/);
});

it("says what there is where a name is nothing", async () => {
  await expect(openDataset("nanobeir/nothing")).rejects.toThrow(
    /there is no data set .* stsb, nanobeir\/arguana/,
  );
});

it("expands nanobeir to its thirteen", () => {
  expect(expandDatasetNames(["stsb", "nanobeir", "nanobeir/nq"])).toEqual(hubDatasetNames);
  expect(hubDatasetNames).toHaveLength(14);
});

it("fetches data sets of the hub by name, once, and reads the Parquet that pyarrow wrote", async () => {
  const hub = await startHub();
  const cacheDir = newCache();
  hub.serve("datasets/sentence-transformers/stsb", path.join(stored, "stsb"));
  hub.serve("datasets/zeta-alpha-ai/NanoSciFact", path.join(stored, "nano"));
  for (const [name, value] of Object.entries(hubEnvironment(hub, cacheDir))) vi.stubEnv(name, value);

  const stsb = await openDataset("stsb");
  expect(stsb.kind === "sts" && stsb.pairs).toEqual([
    { first: "A dog runs.", second: "A dog is running.", score: 0.96 },
    { first: "Un café « chaud ».", second: "A hot coffee.", score: 0.9 },
    { first: "Rain falls.", second: "The sun shines.", score: 0.1 },
    { first: "He sings\tloudly.", second: "He\nwhispers.", score: 0.24 },
  ]);

  const nano = await openDataset("nanobeir/scifact");
  expect(nano).toEqual({
    kind: "retrieval",
    name: "nanobeir/scifact",
    queries: [
      { id: "q1", text: "red apples" },
      { id: "q2", text: "blue plums" },
    ],
    documents: [
      { id: "d1", text: "red apples" },
      { id: "d2", text: "green pears" },
      { id: "d4", text: "blue plums 🫐" },
    ],
    judgements: new Map([
      ["q1", new Map([["d1", 1]])],
      [
        "q2",
        new Map([
          ["d4", 1],
          ["d2", 1],
        ]),
      ],
    ]),
  });

  const fetched = hub.requests.filter(({ path }) => path.startsWith("/content/")).length;
  expect(fetched).toBe(5);
  expect(await openDataset("nanobeir/scifact", { offline: true })).toEqual(nano);
  expect(await openDataset("stsb")).toEqual(stsb);
  expect(hub.requests.filter(({ path }) => path.startsWith("/content/"))).toHaveLength(fetched);
});

it("says what is missing: the data set, the network, the right files", async () => {
  const hub = await startHub();
  for (const [name, value] of Object.entries(hubEnvironment(hub, newCache()))) vi.stubEnv(name, value);
  await expect(openDataset("stsb")).rejects.toMatchObject({
    code: "MODEL_NOT_FOUND",
    message: expect.stringContaining("there is no dataset sentence-transformers/stsb") as string,
  });
  await expect(openDataset("stsb", { offline: true })).rejects.toMatchObject({ code: "OFFLINE" });
  hub.serve("datasets/sentence-transformers/stsb", { "README.md": "nothing else" });
  await expect(openDataset("stsb")).rejects.toThrow(/has no file of the wanted kind/);
});

it("refuses a Parquet file that is none", async () => {
  const hub = await startHub();
  for (const [name, value] of Object.entries(hubEnvironment(hub, newCache()))) vi.stubEnv(name, value);
  const copy = path.join(folder, "nano");
  cpSync(path.join(stored, "nano"), copy, { recursive: true });
  const file = path.join(copy, "qrels/train-00000-of-00001.parquet");
  writeFileSync(file, readFileSync(file).subarray(0, 100));
  hub.serve("datasets/zeta-alpha-ai/NanoNQ", copy);
  await expect(openDataset("nanobeir/nq")).rejects.toThrow(/is no Parquet file that hyparquet can read/);
});

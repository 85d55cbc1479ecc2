// Recall scenarios: those that come along are whole, and the scores say what they mean.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";

import {
  builtInScenarioNames,
  combineRecall,
  distractorKinds,
  evaluateRecall,
  openScenario,
  parseScenario,
  toEmbedder,
  type Embedder,
  type Scenario,
} from "candle-embed/evaluation";

import { loadForTests, root, temporaryFolder } from "../native/support.js";

const folder = path.join(root, "scenarios");
const schema = JSON.parse(readFileSync(path.join(folder, "scenario.schema.json"), "utf8")) as object;
const isScenario = new Ajv2020({ allErrors: true }).compile(schema);

describe("the scenarios that come along", () => {
  const names = builtInScenarioNames();

  it("are six at least", () => {
    expect(names).toEqual([
      "agent-memory",
      "code-search",
      "contract-clauses",
      "multilingual",
      "numbers-and-dates",
      "support-answers",
    ]);
  });

  it.each(names)("%s follows the schema, is large enough and repeats nothing", async (name) => {
    const file = path.join(folder, `${name}.scenario.json`);
    isScenario(JSON.parse(readFileSync(file, "utf8")));
    expect(isScenario.errors ?? []).toEqual([]);
    const scenario = await openScenario(name);
    expect(scenario.name).toBe(name);
    expect(scenario.facts.length).toBeGreaterThanOrEqual(30);
    expect(scenario.questions.length).toBeGreaterThanOrEqual(20);
    for (const { id, distractors } of scenario.questions) expect(distractors, id).toHaveLength(3);
    const texts = [
      ...scenario.facts.map(({ text }) => text),
      ...scenario.questions.map(({ text }) => text),
      ...scenario.questions.flatMap(({ distractors }) => distractors.map(({ text }) => text)),
    ].map((text) => text.toLowerCase().replace(/\s+/g, " "));
    expect(texts.filter((text, index) => texts.indexOf(text) !== index)).toEqual([]);
    // Texts of a hundred words would be cut by some models, and lines that are padded were not read again.
    expect(texts.filter((text) => text.length > 450 || text.trim() !== text)).toEqual([]);
    const kinds = new Set(
      scenario.questions.flatMap(({ distractors }) => distractors.map(({ kind }) => kind)),
    );
    expect(kinds.size).toBeGreaterThanOrEqual(4);
  });

  it("use every kind of distractor", async () => {
    const scenarios = await Promise.all(names.map(openScenario));
    const used = scenarios.flatMap(({ questions }) =>
      questions.flatMap(({ distractors }) => distractors.map(({ kind }) => kind)),
    );
    for (const kind of distractorKinds) {
      expect(used.filter((each) => each === kind).length, kind).toBeGreaterThanOrEqual(25);
    }
  });
});

/** Vectors by text; the questions point along their axis. */
function fromTable(table: Readonly<Record<string, readonly number[]>>): Embedder {
  return {
    name: "table",
    embed: (texts) => Promise.resolve(texts.map((text) => table[text] ?? [0, 0, 1])),
  };
}

const small: Scenario = {
  name: "small",
  title: "Small",
  language: "en",
  facts: [
    { id: "one", text: "fact one" },
    { id: "two", text: "fact two" },
    { id: "three", text: "fact three" },
  ],
  questions: [
    {
      id: "first",
      text: "question one",
      expected: ["one"],
      distractors: [
        { kind: "negation", text: "not one" },
        { kind: "other-time", text: "one, formerly" },
      ],
    },
    {
      id: "second",
      text: "question two",
      expected: ["two", "three"],
      distractors: [{ kind: "negation", text: "not two" }],
    },
  ],
};

it("counts first hits, ranks and distractors that came before the answer", async () => {
  const scores = await evaluateRecall(
    fromTable({
      "question one": [1, 0, 0],
      "fact one": [2, 0, 0],
      "not one": [0.9, 0.1, 0],
      "one, formerly": [0.5, 0.5, 0],
      "question two": [0, 5, 0],
      "fact two": [1, 1, 0],
      "fact three": [0.1, -1, 0],
      "not two": [0.1, 3, 0],
    }),
    small,
  );
  // "not two", "fact two" and "one, formerly" (equal, and the wrong one first), then the rest.
  expect(scores).toMatchObject({
    embedder: "table",
    scenario: "small",
    questions: 2,
    memory: 6,
    recallAt1: 0.5,
    recallAt5: 0.75,
    mrr: (1 + 1 / 3) / 2,
    byKind: { negation: { distractors: 2, outranking: 1 }, "other-time": { distractors: 1, outranking: 0 } },
    missed: [{ id: "second", rank: 3, found: "not two" }],
  });
  expect(combineRecall([scores, scores])).toMatchObject({
    scenario: "all",
    questions: 4,
    recallAt1: 0.5,
    byKind: { negation: { distractors: 4, outranking: 2 } },
  });
});

it("gives nothing to an embedder for which all texts are the same", async () => {
  const scores = await evaluateRecall(fromTable({}), small);
  expect(scores.recallAt1).toBe(0);
  expect(scores.byKind.negation).toEqual({ distractors: 2, outranking: 2 });
});

it("tells queries from documents, and takes a backend or anything else", async () => {
  const seen: string[] = [];
  const words: Embedder = {
    name: "words",
    embed: (texts, kind) => {
      seen.push(kind);
      return Promise.resolve(texts.map(wordCounts));
    },
  };
  const scenario = await openScenario("agent-memory");
  const scores = await evaluateRecall(words, scenario);
  expect(seen.sort()).toEqual(["document", "query"]);
  expect(scores.mrr).toBeGreaterThan(0.05);
  const backend = await loadForTests();
  const native = await evaluateRecall(toEmbedder(backend), scenario);
  expect(native.mrr).toBeGreaterThan(scores.mrr);
  expect(native.embedder).toBe("sentence-transformers/all-MiniLM-L6-v2");
});

/** Words hashed to 256 places: what a search without any model finds. */
function wordCounts(text: string): Float32Array {
  const counts = new Float32Array(256);
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    let hash = 7;
    for (const character of word) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 256;
    counts[hash] = (counts[hash] ?? 0) + 1;
  }
  return counts;
}

it.each([
  [[[1, 2]], /gave 1 vectors for \d+ texts/],
  [undefined, /a vector with a number that is none/],
])("refuses an embedder that gives %j", async (rows, message) => {
  const embedder: Embedder = {
    name: "broken",
    embed: (texts) => Promise.resolve(rows ?? texts.map(() => [1, Number.NaN])),
  };
  await expect(evaluateRecall(embedder, small)).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringMatching(message) as string,
  });
});

it.each([
  ["no object", [], /the scenario must be an object/],
  ["no facts", { ...small, facts: [] }, /"facts" must be a list that is not empty/],
  ["an unknown fact", withQuestion({ expected: ["four"] }), /the question first expects the fact four/],
  [
    "an unknown kind",
    withQuestion({ distractors: [{ kind: "typo", text: "x" }] }),
    /questions\[0\]: distractors\[0\]: "kind" must be one of near-duplicate/,
  ],
  ["an id that is none", withQuestion({ id: "Not So" }), /"id" must be lower-case words/],
  ["empty text", withQuestion({ text: " " }), /questions\[0\]: "text" must be text/],
  ["an id twice", { ...small, facts: [...small.facts, small.facts[0]] }, /has the id one twice/],
])("refuses a scenario with %s", (_, value, message) => {
  expect(() => parseScenario(value)).toThrow(message);
});

function withQuestion(changes: object): object {
  return { ...small, questions: [{ ...small.questions[0], ...changes }] };
}

it("reads a scenario of one's own from its file, and says where one is no JSON", async () => {
  const own = path.join(temporaryFolder(), "own.json");
  writeFileSync(own, JSON.stringify({ ...small, $schema: "x" }));
  expect(await openScenario(own)).toEqual(small);
  writeFileSync(own, "{");
  await expect(openScenario(own)).rejects.toThrow(/own\.json is no JSON/);
});

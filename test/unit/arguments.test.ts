import { createServer as createHttpServer } from "node:http";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { AddressInfo } from "node:net";

import { afterAll, describe, expect, it } from "vitest";

import { backendFromEnv, CandleEmbedError, Embeddings, topK } from "candle-embed";
import { withHeading } from "candle-embed/chunking";
import * as evaluation from "candle-embed/evaluation";
import { createServer } from "candle-embed/server";
import { Tensor } from "candle-embed/transformers";
import { fromPgVector, toPgBit, toPgVector, toQdrantPoints } from "candle-embed/vector-stores";

import { loadForTests } from "../native/support.js";

const backend = await loadForTests();
const embeddings = await backend.embed(["a", "b"]);
const embedder = evaluation.toEmbedder(backend);
const server = await createServer({ models: { mini: backend } });
afterAll(() => server.close());

type Call = (...args: never[]) => unknown;

async function failureOf(call: Call, args: readonly unknown[]): Promise<unknown> {
  try {
    await (call as (...args: readonly unknown[]) => unknown)(...args);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Public functions with right first arguments: what comes behind those is wrong in every way. */
const calls: readonly [string, Call, ...(readonly unknown[])[]][] = [
  ["Embeddings", (init: never) => new Embeddings(init), []],
  ["topK", topK, [], [embeddings.at(0)], [embeddings.at(0), embeddings]],
  ["backendFromEnv", (options: never) => backendFromEnv(options ?? null), []],
  ["withHeading", withHeading, []],
  ["Tensor", (...[type, data, dims]: never[]) => new Tensor(type as never, data as never, dims as never), []],
  ["fromPgVector", fromPgVector, []],
  ["toPgVector", toPgVector, []],
  ["toPgBit", toPgBit, []],
  ["toQdrantPoints", toQdrantPoints, [], [embeddings], [embeddings, { ids: [1, 2] }]],
  ["pearson", evaluation.pearson, [], [[1, 2]]],
  ["spearman", evaluation.spearman, [], [[1, 2]]],
  ["averagePrecision", evaluation.averagePrecision, [], [["a"]]],
  ["ndcg", evaluation.ndcg, [], [["a"]], [["a"], new Map()]],
  ["recall", evaluation.recall, [], [["a"]], [["a"], new Map()]],
  ["reciprocalRank", evaluation.reciprocalRank, [], [["a"]], [["a"], new Map()]],
  ["rankDocuments", evaluation.rankDocuments, []],
  ["retrievalMetric", evaluation.retrievalMetric, []],
  ["expandDatasetNames", evaluation.expandDatasetNames, []],
  ["openDataset", evaluation.openDataset, []],
  ["readBeirFolder", evaluation.readBeirFolder, []],
  ["readStsFile", evaluation.readStsFile, []],
  ["openScenario", evaluation.openScenario, []],
  ["parseScenario", evaluation.parseScenario, []],
  ["combineRecall", evaluation.combineRecall, []],
  ["toEmbedder", evaluation.toEmbedder, []],
  ["evaluate", evaluation.evaluate, [], [backend], [embedder]],
  ["evaluateRecall", evaluation.evaluateRecall, [], [backend], [embedder]],
  ["measureSpeed", evaluation.measureSpeed, []],
  ["plotSweep", evaluation.plotSweep, []],
  ["sweep", evaluation.sweep, [], [undefined]],
  ["createServer", createServer, []],
  ["listen", (options: never) => server.listen(options ?? null), []],
  ["close", (options: never) => server.close(options ?? null), []],
];

const wrong = [undefined, null, 5, "x", {}, [undefined], [1, 2], true, () => undefined, Promise.resolve(1)];

/** Right ones: they would open the default port, and close the server of these tests. */
const right = new Set(["listen {}", "close {}"]);

describe("every error of a public function is a CandleEmbedError", () => {
  it.each(calls)("%s", async (name, call, ...beginnings) => {
    for (const beginning of beginnings) {
      for (const value of wrong) {
        if (right.has(`${name} ${JSON.stringify(value)}`)) continue;
        const failure = await failureOf(call, [...beginning, value]);
        if (failure === undefined) continue;
        expect(
          failure,
          `${name}, argument ${String(beginning.length + 1)} of type ${typeof value}`,
        ).toSatisfy(
          (error: unknown) =>
            CandleEmbedError.isInstance(error) && !/undefined and|of undefined/.test(error.message),
        );
      }
    }
  });
});

it.each<[string, Call, unknown[], RegExp]>([
  [
    "no Embeddings",
    toQdrantPoints,
    [[[1, 2]]],
    /^embeddings, as embed gives them, must be an object, not an array/,
  ],
  ["another's vectors", toQdrantPoints, [[[1, 2]], { ids: [1, 2] }], /^embeddings, as embed gives them/],
  ["no ids", toQdrantPoints, [embeddings, {}], /^ids must be an array of 2, one for each vector/],
  ["a backend", evaluation.evaluate, [backend, {}], /pass toEmbedder\(backend\)/],
  [
    "no data set",
    evaluation.evaluate,
    [embedder, {}],
    /^a data set must have "name", a string, not undefined/,
  ],
  ["no scenario", evaluation.evaluateRecall, [embedder, undefined], /^the scenario must be an object/],
  [
    "an unknown scenario",
    evaluation.openScenario,
    ["nope"],
    /no scenario "nope": .* one of agent-memory, code-search/,
  ],
  ["no numbers", evaluation.pearson, [["a"], [1]], /^the first list must be an array of numbers/],
  ["no options", (options: never) => server.listen(options), [null], /^options must be an object, not null/],
  [
    "a port that is none",
    (options: never) => server.listen(options),
    [{ port: "x" }],
    /"port" must be .* 65535, not "x"/,
  ],
  [
    "a port too high",
    (options: never) => server.listen(options),
    [{ port: 99_999 }],
    /"port" must be .* 65535, not 99999/,
  ],
])("says what is wrong: %s", async (_, call, args, message) => {
  const failure = await failureOf(call, args);
  expect(failure).toMatchObject({ code: "INVALID_INPUT", message: expect.stringMatching(message) as string });
});

describe("what the system refuses is the cause of a CandleEmbedError", () => {
  it.each<[string, () => unknown]>([
    ["sentence pairs", () => evaluation.readStsFile("/absent/pairs.tsv")],
    ["a file of keys", () => createServer({ models: { mini: backend }, apiKeyFile: "/absent/keys" })],
  ])("%s", async (_, call) => {
    const failure = await failureOf(call, []);
    expect(failure).toMatchObject({ code: "INVALID_INPUT", cause: { code: "ENOENT" } });
    expect(String(failure)).toContain("/absent/");
  });

  it("a scenario that cannot be read", async () => {
    const folder = path.join(tmpdir(), "candle-embed-scenario-folder.json");
    writeFileSync(folder, "{");
    await expect(evaluation.openScenario(folder)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(evaluation.openScenario(tmpdir())).rejects.toMatchObject({ cause: { code: "EISDIR" } });
  });

  it("a port that is taken", async () => {
    const other = createHttpServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(server.listen({ port })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/in use already: take another port/) as string,
      cause: { code: "EADDRINUSE" },
    });
    other.close();
  });
});

import { connect, type Connection } from "@lancedb/lancedb";
import { getRegistry, LanceSchema } from "@lancedb/lancedb/embedding";
import { afterAll, expect, it, vi } from "vitest";

import { NativeBackend, topK } from "candle-embed";
import { CandleEmbeddingFunction } from "candle-embed/lancedb";

import {
  finished,
  loadPrompted,
  noting,
  promptedModel,
  startNode,
  temporaryFolder,
  texts,
  tinyModel,
} from "./support.js";

const { backend, documents, query } = await loadPrompted();
const folder = temporaryFolder();
const db: Connection = await connect(folder);
afterAll(() => {
  db.close();
});
const rows = texts.map((text) => ({ text }));

async function createTable(name: string, embed: CandleEmbeddingFunction) {
  const schema = LanceSchema({ text: embed.sourceField(), vector: embed.vectorField() });
  return db.createTable(name, rows, { schema });
}

it("gives the backend's vectors as views of one array", async () => {
  const embed = await CandleEmbeddingFunction.create({ backend });
  const vectors = await embed.computeSourceEmbeddings(texts);
  expect(vectors.map((each) => Array.from(each))).toEqual(documents);
  expect(vectors.every((each) => each instanceof Float32Array)).toBe(true);
  expect(new Set((vectors as Float32Array[]).map((each) => each.buffer)).size).toBe(1);
  expect(Array.from(await embed.computeQueryEmbeddings(texts[0] as string))).toEqual(query);
});

it("a table embeds what is added and what is searched, with the backend that was passed", async () => {
  const { backend: noted, calls } = noting(backend);
  const embed = await CandleEmbeddingFunction.create({ backend: noted });
  const table = await createTable("passed", embed);
  await table.add([{ text: "added later" }]);
  const stored = (await table.query().toArray()) as { text: string; vector: Iterable<number> }[];
  expect(stored.slice(0, texts.length).map(({ vector }) => Array.from(vector))).toEqual(documents);
  const hits = (await table.search("added later").limit(1).toArray()) as { text: string }[];
  const all = await backend.embedDocuments([...texts, "added later"]);
  const [best] = topK(await backend.embedQuery("added later"), all, 1);
  expect(hits[0]?.text).toBe([...texts, "added later"][best?.index as number]);
  expect(calls.map(({ texts: count, options }) => [count, options?.["inputType"]])).toEqual([
    [texts.length, "document"],
    [1, "document"],
    [1, "query"],
  ]);
});

it("a model is loaded once, however often LanceDB makes the function", async () => {
  const load = vi.spyOn(NativeBackend, "load");
  const embed = await CandleEmbeddingFunction.create({ model: promptedModel, load: { threads: 1 } });
  const table = await createTable("loaded", embed);
  for (let i = 0; i < 3; i++) await table.search(texts[1] as string).toArray();
  expect(load.mock.calls).toEqual([[promptedModel, { threads: 1 }]]);
  vi.restoreAllMocks();
});

it("a table goes on with a model of its own after the function that made it was disposed", async () => {
  const embed = await CandleEmbeddingFunction.create({ model: tinyModel });
  const table = await createTable("disposed", embed);
  await embed.dispose();
  expect(await table.search(texts[1] as string).toArray()).toHaveLength(texts.length);
  await expect(embed.generateEmbeddings(texts)).rejects.toMatchObject({ code: "DISPOSED" });
});

it("another program that imports the module finds the function by the table's configuration", async () => {
  await createTable("again", await CandleEmbeddingFunction.create({ model: promptedModel }));
  const program = `
    import { connect } from "@lancedb/lancedb";
    import "candle-embed/lancedb";
    const db = await connect(${JSON.stringify(folder)});
    const table = await db.openTable("again");
    const [hit] = await table.search(${JSON.stringify(texts[1])}).limit(1).toArray();
    console.log(hit.text);
    db.close();
  `;
  expect(await finished(startNode(program))).toMatchObject({ code: 0, stdout: `${texts[1] as string}\n` });
});

it("refuses a model of another space than the table's", async () => {
  const { space } = backend;
  await expect(CandleEmbeddingFunction.create({ model: tinyModel, space: space.id })).rejects.toMatchObject({
    code: "SPACE_MISMATCH",
    message: expect.stringMatching(/pass the backend that made them/) as string,
  });
});

it("stores the model, the space and what calls ask for, and nothing of this machine", async () => {
  const options = { model: promptedModel, dimensions: 8, cutWithoutMatryoshka: true, load: { threads: 1 } };
  const embed = await CandleEmbeddingFunction.create(options);
  expect(embed.toJSON()).toEqual({
    model: promptedModel,
    space: backend.space.id,
    dimensions: 8,
    cutWithoutMatryoshka: true,
  });
  expect(embed.ndims()).toBe(8);
});

it("takes variables of LanceDB's registry", async () => {
  getRegistry().setVar("model-folder", promptedModel);
  const embed = await CandleEmbeddingFunction.create({ model: "$var:model-folder" });
  expect(embed.ndims()).toBe(backend.dimensions);
});

it.each([
  [{ backend: () => backend }, /"backend" must be a loaded backend/],
  [{ backend, dtype: "int8" }, /a backend has its own/],
  [{ dtype: "int4" }, /"dtype" must be one of/],
  [{ name: "x" }, /unknown option "name"/],
])("refuses %o", (options, message) => {
  expect(() => new CandleEmbeddingFunction(options as never)).toThrow(message);
});

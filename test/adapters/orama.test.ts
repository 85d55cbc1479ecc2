import { create, insert, insertMultiple, search, update, upsert, type AnyOrama } from "@orama/orama";
import { expect, it } from "vitest";

import { pluginCandleEmbed, type OramaPluginOptions } from "candle-embed/orama";

import { loadPrompted, noting } from "./support.js";

const { backend } = await loadPrompted();
// As the schemas below say.
expect(backend.dimensions).toBe(32);
const titles = ["a river of stones", "the second text", "naïve café, 日本語, 🦜"];

function database(options: Partial<OramaPluginOptions> = {}) {
  const { backend: noted, calls } = noting(backend);
  const plugin = pluginCandleEmbed({ backend: noted, text: ["title", "body"], ...options });
  const schema = {
    title: "string",
    body: "string",
    embedding: "vector[32]",
  } as const;
  return { db: create({ schema, plugins: [plugin] }), plugin, calls };
}

/** The best documents for a term, with their vectors. */
async function find(db: AnyOrama, term: string, mode: "vector" | "hybrid" = "vector") {
  const { hits } = await search(db, { mode, term, includeVectors: true } as never);
  return hits.map(({ document, score }) => ({ ...(document as { embedding?: number[] }), score }));
}

it("embeds what is inserted, and terms with the prompt for queries", async () => {
  const { db } = database();
  await insert(db, { title: titles[0] as string, body: "of the mountain" });
  const [hit] = await find(db, "stones");
  const [expected] = (await backend.embedDocuments([`${titles[0] as string}\nof the mountain`])).toArrays();
  expect(hit?.embedding).toEqual(expected);
  const question = await backend.embedQuery("stones");
  const cosine = question.reduce((sum, value, at) => sum + value * (expected?.[at] ?? NaN), 0);
  expect(hit?.score).toBeCloseTo(cosine, 5);
});

it("insertMultiple waits for the vectors; embed() makes them in one call before", async () => {
  const one = database();
  const ids = await insertMultiple(
    one.db,
    titles.map((title) => ({ title, body: "" })),
  );
  expect(ids.every((id) => typeof id === "string")).toBe(true);
  expect(await find(one.db, titles[1] as string)).toHaveLength(titles.length);
  const many = database();
  const documents = await many.plugin.embed(titles.map((title) => ({ title, body: "" })));
  await insertMultiple(many.db, documents);
  expect(many.calls.map(({ texts }) => texts)).toEqual([titles.length]);
  expect(await find(many.db, titles[1] as string)).toEqual(await find(one.db, titles[1] as string));
});

it("embeds again what is updated or upserted, and keeps vectors that are given", async () => {
  const { db, calls } = database();
  const id = await insert(db, { id: "1", title: "old", body: "" });
  await update(db, id, { id: "1", title: "new", body: "" });
  await upsert(db, { id: "1", title: "newest", body: "" });
  const [hit] = await find(db, "x");
  expect(hit?.embedding).toEqual((await backend.embedDocuments(["newest\n"])).toArrays()[0]);
  const before = calls.length;
  const embedding = Array.from({ length: backend.dimensions }, () => 1);
  await insert(db, { title: "given", body: "", embedding });
  expect(calls).toHaveLength(before);
});

it("leaves full-text searches and searches with a vector alone; hybrid ones get one", async () => {
  const { db, calls } = database();
  await insert(db, { title: titles[0] as string, body: "" });
  const before = calls.length;
  expect((await search(db, { term: "river" })).hits).toHaveLength(1);
  const value = Array.from({ length: backend.dimensions }, () => 1);
  await search(db, { mode: "vector", vector: { value, property: "embedding" } });
  expect(calls).toHaveLength(before);
  expect(await find(db, "river", "hybrid")).toHaveLength(1);
  expect(calls).toHaveLength(before + 1);
});

it("finds what is not very similar too, unless told", async () => {
  const loose = database();
  const strict = database({ similarity: 0.999 });
  for (const { db } of [loose, strict]) await insert(db, { title: titles[0] as string, body: "" });
  expect(await find(loose.db, "something else")).toHaveLength(1);
  expect(await find(strict.db, "something else")).toHaveLength(0);
});

it("takes a function for the text, and another property", async () => {
  const { backend: noted, calls } = noting(backend);
  const plugin = pluginCandleEmbed({
    backend: noted,
    text: (document) => (document["tags"] as string[]).join(" "),
    property: "v",
  });
  const db = create({
    schema: { tags: "string[]", v: "vector[32]" },
    plugins: [plugin],
  });
  await insert(db, { tags: ["red", "blue"] });
  expect(calls).toHaveLength(1);
  expect(await find(db, "red")).toHaveLength(1);
});

it("refuses wrong options", () => {
  expect(() => pluginCandleEmbed({} as never)).toThrow(/"text" is missing/);
  expect(() => pluginCandleEmbed({ text: [] })).toThrow(/"text" must be an array/);
  expect(() => pluginCandleEmbed({ text: ["a"], similarity: 2 })).toThrow(/"similarity" must be a number/);
});

// Every store finds in Cranfield what comparing all vectors finds: the ten best in order where it compares all, too, and the
// best one where its index is approximate.
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { connect } from "@lancedb/lancedb";
import { LanceSchema } from "@lancedb/lancedb/embedding";
import { MemoryVectorStore } from "@langchain/classic/vectorstores/memory";
import { create, insertMultiple, search } from "@orama/orama";
import { embed, embedMany } from "ai-7";
import { Int32 } from "apache-arrow";
import { Document, Settings, VectorStoreIndex } from "llamaindex";
import OpenAI from "openai";
import { beforeAll, describe, it } from "vitest";

import { topK } from "candle-embed";
import { embeddingModel } from "candle-embed/ai-sdk";
import { CandleEmbeddingFunction as ChromaFunction } from "candle-embed/chroma";
import { CandleEmbeddingFunction as LanceFunction } from "candle-embed/lancedb";
import { CandleEmbeddings } from "candle-embed/langchain";
import { CandleEmbedding } from "candle-embed/llamaindex";
import { openaiFetch } from "candle-embed/openai";
import { pluginCandleEmbed } from "candle-embed/orama";
import { pipeline } from "candle-embed/transformers";
import { toPgVector } from "candle-embed/vector-stores";

import { noChroma, startChroma } from "./chroma-server.js";
import { loadCranfield, noCranfield, type Cranfield } from "./cranfield.js";
import { temporaryFolder } from "./support.js";

/** Asks one question after the other. */
async function each<Answer>(queries: readonly string[], ask: (query: string) => Promise<Answer>) {
  const answers: Answer[] = [];
  for (const query of queries) answers.push(await ask(query));
  return answers;
}

describe.skipIf(noCranfield !== undefined)(`Cranfield ${noCranfield ?? ""}`, () => {
  let cranfield: Cranfield;
  beforeAll(async () => {
    cranfield = await loadCranfield();
  });

  it("LangChain's MemoryVectorStore", async () => {
    const { backend, documents, queries, expectExact } = cranfield;
    const rows = documents.map((_, row) => ({ row }));
    const embeddings = new CandleEmbeddings({ backend });
    const store = await MemoryVectorStore.fromTexts([...documents], rows, embeddings);
    const answers = await each(queries, (query) => store.similaritySearch(query, 10));
    expectExact(answers.map((found) => found.map(({ metadata }) => metadata["row"] as number)));
  });

  it("the AI SDK's embedMany and embed", async () => {
    const { backend, documents, queries, expectExact } = cranfield;
    const ofDocuments = embeddingModel({ backend, inputType: "document" });
    const { embeddings } = await embedMany({ model: ofDocuments, values: [...documents] });
    const model = embeddingModel({ backend, inputType: "query" });
    const answers = await each(queries, async (value) => {
      const { embedding } = await embed({ model, value });
      return topK(embedding, embeddings, 10).map(({ index }) => index);
    });
    expectExact(answers);
  });

  it("LlamaIndex' VectorStoreIndex", async () => {
    const { backend, documents, queries, expectExact } = cranfield;
    Settings.embedModel = new CandleEmbedding({ backend });
    // One node a document: splitting would make other texts of them.
    Settings.chunkSize = 8_192;
    const index = await VectorStoreIndex.fromDocuments(
      documents.map((text, row) => new Document({ text, id_: String(row) })),
    );
    const retriever = index.asRetriever({ similarityTopK: 10 });
    const answers = await each(queries, (query) => retriever.retrieve(query));
    expectExact(answers.map((found) => found.map(({ node }) => Number(node.sourceNode?.nodeId))));
  });

  it("Orama, by vectors", async () => {
    const { backend, documents, queries, expectExact } = cranfield;
    const plugin = pluginCandleEmbed({ backend, text: ["text"] });
    const db = create({ schema: { text: "string", embedding: "vector[384]" }, plugins: [plugin] });
    const rows = await plugin.embed(documents.map((text, row) => ({ id: String(row), text })));
    await insertMultiple(db, rows);
    const answers = await each(queries, async (term) => (await search(db, { mode: "vector", term })).hits);
    expectExact(answers.map((found) => found.map(({ id }) => Number(id))));
  });

  it("LanceDB, without an index", async () => {
    const { backend, documents, queries, expectExact } = cranfield;
    const func = await LanceFunction.create({ backend });
    const schema = LanceSchema({ row: new Int32(), text: func.sourceField(), vector: func.vectorField() });
    const db = await connect(temporaryFolder());
    const rows = documents.map((text, row) => ({ row, text }));
    const table = await db.createTable("cranfield", rows, { schema });
    const answers = await each(queries, (query) => table.search(query).limit(10).toArray());
    expectExact(answers.map((found) => found.map(({ row }: { row: number }) => row)));
    db.close();
  });

  it("PostgreSQL with pgvector, without an index", async () => {
    const { backend, documents, queries, vectors, expectExact } = cranfield;
    const db = await PGlite.create({ extensions: { vector } });
    await db.exec("CREATE EXTENSION vector; CREATE TABLE cranfield (id int, v vector(384))");
    const values = documents.map((_, row) => `(${String(row)}, '${toPgVector(vectors.at(row))}')`);
    await db.exec(`INSERT INTO cranfield VALUES ${values.join(",")}`);
    const sql = "SELECT id FROM cranfield ORDER BY v <=> $1 LIMIT 10";
    const answers = await each(queries, async (query) => {
      const { rows } = await db.query<{ id: number }>(sql, [toPgVector(await backend.embedQuery(query))]);
      return rows.map(({ id }) => id);
    });
    expectExact(answers);
    await db.close();
  });

  it("vectors of OpenAI's client", async () => {
    const { backend, queries, vectors, expectExact } = cranfield;
    const client = new OpenAI({ apiKey: "unused", fetch: openaiFetch({ backend }) });
    const { data } = await client.embeddings.create({ model: backend.modelId, input: [...queries] });
    expectExact(data.map(({ embedding }) => topK(embedding, vectors, 10).map(({ index }) => index)));
  });

  it("vectors of the pipeline", async () => {
    const { backend, queries, vectors, expectExact } = cranfield;
    const extractor = await pipeline("feature-extraction", null, { backend });
    const rows = (await extractor(queries, { pooling: "mean", normalize: true })).tolist() as number[][];
    expectExact(rows.map((row) => topK(row, vectors, 10).map(({ index }) => index)));
  });

  it.skipIf(noChroma !== undefined)(`Chroma, whose index is approximate ${noChroma ?? ""}`, async () => {
    const { backend, documents, queries, expectExact } = cranfield;
    const { client } = await startChroma();
    const embeddingFunction = new ChromaFunction({ backend });
    const collection = await client.createCollection({ name: "cranfield", embeddingFunction });
    await collection.add({ ids: documents.map((_, row) => String(row)), documents: [...documents] });
    const { ids } = await collection.query({ queryTexts: [...queries], nResults: 10 });
    expectExact(ids.map((found) => found.slice(0, 1).map(Number)));
  });
});

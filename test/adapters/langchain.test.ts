import { CacheBackedEmbeddings } from "@langchain/classic/embeddings/cache_backed";
import { MemoryVectorStore } from "@langchain/classic/vectorstores/memory";
import { Document } from "@langchain/core/documents";
import { InMemoryStore } from "@langchain/core/stores";
import { expect, it } from "vitest";

import { CandleEmbeddings } from "candle-embed/langchain";

import { loadPrompted, noting, texts } from "./support.js";

const { backend, documents, query } = await loadPrompted();
const embeddings = new CandleEmbeddings({ backend });

it("gives the backend's vectors as plain arrays, with the prompt of each kind", async () => {
  expect(await embeddings.embedDocuments(texts)).toEqual(documents);
  expect(await embeddings.embedQuery(texts[0] as string)).toEqual(query);
  expect(query).not.toEqual(documents[0]);
  expect(await embeddings.embedDocuments([])).toEqual([]);
});

it("works in a vector store, as a retriever, and asks for documents in one call", async () => {
  const { backend: noted, calls } = noting(backend);
  const store = await MemoryVectorStore.fromTexts(
    texts,
    texts.map((_, index) => ({ index })),
    new CandleEmbeddings({ backend: noted }),
  );
  expect(calls.map(({ texts: count }) => count)).toEqual([texts.length]);
  const [[best, score] = []] = await store.similaritySearchWithScore(texts[1] as string, 1);
  expect(best?.metadata).toEqual({ index: 1 });
  expect(score).toBeGreaterThan(0.5);
  const found = await store.asRetriever(2).invoke(texts[1] as string);
  expect(found).toHaveLength(2);
  expect(found[0]).toBeInstanceOf(Document);
});

it("works behind LangChain's cache", async () => {
  const { backend: noted, calls } = noting(backend);
  const cached = CacheBackedEmbeddings.fromBytesStore(
    new CandleEmbeddings({ backend: noted }),
    new InMemoryStore<Uint8Array>(),
  );
  for (let i = 0; i < 2; i++) expect(await cached.embedDocuments(texts)).toEqual(documents);
  expect(calls).toHaveLength(1);
});

it("refuses what is no text", async () => {
  await expect(embeddings.embedQuery(7 as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  await expect(embeddings.embedDocuments([7] as never)).rejects.toMatchObject({
    code: "INVALID_INPUT",
    index: 0,
  });
});

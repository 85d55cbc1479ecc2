import { Document, IngestionPipeline, MetadataMode, Settings, VectorStoreIndex } from "llamaindex";
import { expect, it } from "vitest";

import { CandleEmbedding } from "candle-embed/llamaindex";

import { loadPrompted, noting, texts } from "./support.js";

const { backend, documents, query } = await loadPrompted();
const text = texts[0] as string;

it("gives the backend's vectors, with the prompt of each kind", async () => {
  const embedding = new CandleEmbedding({ backend });
  expect(await embedding.getTextEmbedding(text)).toEqual(documents[0]);
  expect(await embedding.getQueryEmbedding({ type: "text", text })).toEqual(query);
  expect(await embedding.getQueryEmbedding({ type: "image_url" })).toBeNull();
  // LlamaIndex takes the property from the object and calls it.
  const { getTextEmbeddings } = embedding;
  expect(await getTextEmbeddings(texts)).toEqual(documents);
  expect(embedding.embedInfo).toEqual({ dimensions: backend.dimensions, maxTokens: backend.maxTokens });
});

it("embeds a batch in one call and tells how far it is", async () => {
  const { backend: noted, calls } = noting(backend);
  const embedding = new CandleEmbedding({ backend: noted });
  const progress: number[][] = [];
  const lines: unknown[] = [];
  const vectors = await embedding.getTextEmbeddingsBatch(texts, {
    progressCallback: (...how) => progress.push(how),
    logProgress: true,
    logger: { log: (line) => lines.push(line) },
  });
  expect(vectors).toEqual(documents);
  expect(calls).toHaveLength(1);
  expect(progress.at(-1)).toEqual([texts.length, texts.length]);
  expect(lines.at(-1)).toBe(`embedded ${String(texts.length)} of ${String(texts.length)} texts`);
});

it("is a transformation of a pipeline, which embeds a node's text as the node wants it", async () => {
  const embedding = new CandleEmbedding({ backend });
  const nodes = texts.slice(0, 2).map((each) => new Document({ text: each, metadata: { from: "here" } }));
  const pipeline = new IngestionPipeline({ transformations: [embedding] });
  const [first] = await pipeline.run({ documents: nodes });
  const content = nodes[0]?.getContent(MetadataMode.EMBED) as string;
  expect(content).toContain("from: here");
  expect(first?.getEmbedding()).toEqual((await backend.embedDocuments([content])).toArrays()[0]);
});

it("serves an index", async () => {
  Settings.embedModel = new CandleEmbedding({ backend });
  const index = await VectorStoreIndex.fromDocuments(
    texts.slice(0, 3).map((each, at) => new Document({ text: each, id_: String(at) })),
  );
  const [best] = await index.asRetriever({ similarityTopK: 1 }).retrieve(texts[1] as string);
  expect(best?.node.sourceNode?.nodeId).toBe("1");
});

it("has LlamaIndex' similarities", () => {
  const embedding = new CandleEmbedding({ backend });
  expect(embedding.similarity([3, 4], [6, 8])).toBeCloseTo(1);
  expect(embedding.similarity([3, 4], [6, 8], "dot_product")).toBe(50);
  expect(embedding.similarity([3, 4], [6, 8], "euclidean")).toBe(-5);
  expect(() => embedding.similarity([3], [6, 8], "euclidean")).toThrow(/1 and 2 dimensions/);
  expect(() => embedding.similarity([3], [6], "manhattan")).toThrow(/mode must be cosine/);
});

import { expect, it } from "vitest";

import type { EmbeddingBackend, EmbedOptions } from "../../src/embedding-backend.js";
import type { PassageIndex } from "../../src/retrieval/passage-index.js";
import type { NamedDocument } from "../../src/retrieval/passage.js";
import { searchDocuments } from "../../src/retrieval/search-documents.js";
import { updateIndex } from "../../src/retrieval/update-index.js";
import { loadForTests, tinyModel } from "../native/support.js";

const native = await loadForTests(tinyModel);
const tokenizer = native;
const { signal } = new AbortController();

/** Tells of the first text before all are done. */
const backend = {
  embedQuery: (text: string) => native.embedQuery(text),
  embedDocuments: (texts: readonly string[], { onProgress }: EmbedOptions) => {
    onProgress?.({ texts: 1, total: texts.length, tokens: 1 } as never);
    return native.embedDocuments(texts);
  },
} as unknown as EmbeddingBackend;

async function* documents(): AsyncGenerator<NamedDocument> {
  for (const name of ["a", "b"]) {
    yield await Promise.resolve({ name, text: `# ${name}\n\nword`, format: "markdown" });
  }
}

it("a search tells what it has read, and what is embedded within a batch", async () => {
  const seen: unknown[] = [];
  await searchDocuments(documents(), "word", {
    ...{ backend, tokenizer, signal, tokens: 60, count: 1 },
    onProgress: (progress) => seen.push({ ...progress }),
  });
  expect(seen).toEqual([
    { documents: 1, passages: 0 },
    { documents: 2, passages: 0 },
    { documents: 2, passages: 1 },
  ]);
});

it("an update of an index tells what is embedded within a batch, and counts it once", async () => {
  const index = {
    description: { tokens: 60 },
    contents: () => ({ documents: new Map(), keys: new Set(), passages: 0 }),
    vectors: () => new Map(),
    add: () => undefined,
    remove: () => undefined,
    compact: () => undefined,
  } as unknown as PassageIndex;
  const embedded: number[] = [];
  const report = await updateIndex(index, documents(), {
    ...{ backend, tokenizer, signal, isGone: () => false },
    onProgress: (soFar) => embedded.push(soFar.embedded),
  });
  expect(embedded).toEqual([0, 0, 1]);
  expect(report).toMatchObject({ added: 2, embedded: 2, reused: 0 });
});

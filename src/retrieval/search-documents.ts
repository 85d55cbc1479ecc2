import type { Tokenizer } from "../chunking/tokenizer.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import { topK } from "../top-k.js";
import { inBatches } from "../utils/in-batches.js";
import { passageInput, toPassages, type NamedDocument, type Passage } from "./passage.js";

/** A passage and how near it is to the question: a cosine. */
export interface FoundPassage extends Passage {
  readonly score: number;
}

interface SearchOptions {
  readonly backend: EmbeddingBackend;
  readonly tokenizer: Tokenizer;
  /** Most tokens of a passage. */
  readonly tokens: number;
  /** How many passages. */
  readonly count: number;
  readonly signal: AbortSignal;
}

/** Works through documents batch by batch and keeps the best passages: memory does not grow with their number. */
export async function searchDocuments(
  documents: AsyncIterable<NamedDocument>,
  question: string,
  { backend, tokenizer, tokens, count, signal }: SearchOptions,
): Promise<FoundPassage[]> {
  const query = await backend.embedQuery(question, { signal });
  let best: FoundPassage[] = [];
  const passages = async function* (): AsyncGenerator<Passage> {
    for await (const document of documents) yield* toPassages(document, tokenizer, tokens, signal);
  };
  for await (const batch of inBatches(passages(), passageInput)) {
    const embeddings = await backend.embedDocuments(batch.map(passageInput), { signal });
    const found = topK(query, embeddings, count).map(({ index, score }) => ({
      score,
      ...(batch[index] as Passage),
    }));
    best = [...best, ...found].sort((a, b) => b.score - a.score).slice(0, count);
  }
  return best;
}

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
  readonly onProgress?: (progress: SearchProgress) => void;
}

/** How far a search has come. */
export interface SearchProgress {
  /** Documents read. */
  readonly documents: number;
  /** Passages embedded. */
  readonly passages: number;
}

/** Works through documents batch by batch and keeps the best passages: memory does not grow with their number. */
export async function searchDocuments(
  documents: AsyncIterable<NamedDocument>,
  question: string,
  { backend, tokenizer, tokens, count, signal, onProgress }: SearchOptions,
): Promise<FoundPassage[]> {
  const done = { documents: 0, passages: 0 };
  const query = await backend.embedQuery(question, { signal });
  let best: FoundPassage[] = [];
  const passages = async function* (): AsyncGenerator<Passage> {
    for await (const document of documents) {
      yield* toPassages(document, tokenizer, tokens, signal);
      done.documents++;
      onProgress?.(done);
    }
  };
  for await (const batch of inBatches(passages(), passageInput)) {
    const embeddings = await backend.embedDocuments(batch.map(passageInput), {
      signal,
      onProgress: ({ texts }) => onProgress?.({ ...done, passages: done.passages + texts }),
    });
    done.passages += batch.length;
    const found = topK(query, embeddings, count).map(({ index, score }) => ({
      score,
      ...(batch[index] as Passage),
    }));
    best = [...best, ...found].sort((a, b) => b.score - a.score).slice(0, count);
  }
  return best;
}

import { AdapterBackend, type AdapterCallOptions } from "../adapter-backend.js";
import type { AdapterOptions } from "../adapter-options.js";

/**
 * Embeddings for LangChain.js: vector stores, retrievers, caches, everything that takes its `EmbeddingsInterface`.
 *
 * ```ts
 * const store = await MemoryVectorStore.fromTexts(texts, metadatas, new CandleEmbeddings());
 * ```
 *
 * It has the methods of LangChain's class without being one: LangChain asks for no more, and so works with any version of
 * it. Its retries and its queue are for remote services; a backend has its own.
 */
export class CandleEmbeddings implements AsyncDisposable {
  readonly #backend: AdapterBackend;

  /** @throws CandleEmbedError `INVALID_INPUT` for wrong options. */
  constructor(options: AdapterOptions = {}) {
    this.#backend = new AdapterBackend(options);
  }

  /** The vectors of texts to be found, with the model's prompt for documents. */
  async embedDocuments(documents: string[], { signal }: AdapterCallOptions = {}): Promise<number[][]> {
    return (await this.#backend.embedDocuments(documents, { signal })).toArrays();
  }

  /** The vector of a question, with the model's prompt for queries. */
  async embedQuery(document: string, { signal }: AdapterCallOptions = {}): Promise<number[]> {
    return Array.from(await this.#backend.embedQuery(document, { signal }));
  }

  /** Gives back a model that was loaded; a backend that was passed goes on. */
  dispose(): Promise<void> {
    return this.#backend.dispose();
  }

  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

import { Reuse, type RowStore } from "../../bulk/reuse.js";
import { RowCache } from "../../bulk/row-cache.js";
import { RowMemory } from "../../bulk/row-memory.js";
import type { EmbeddingBackend, EmbedOptions, OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { EmbedValues } from "./options.js";

/** A backend with the options of a run, the texts that come again, and the cache. */
export class Embedder {
  /** The answer to no texts: what the vectors are. */
  readonly noTexts: Embeddings<OutputVector>;
  /** Told what is done of the call under way. */
  onWork: (texts: number, tokens: number) => void = () => undefined;

  readonly #backend: EmbeddingBackend;
  readonly #call: EmbedOptions;
  readonly #cache: RowCache | undefined;
  readonly #reuse: Reuse | undefined;

  private constructor(
    backend: EmbeddingBackend,
    call: EmbedOptions,
    noTexts: Embeddings<OutputVector>,
    { memory, cache }: { memory: boolean; cache: RowCache | undefined },
  ) {
    this.noTexts = noTexts;
    this.#backend = backend;
    this.#call = call;
    this.#cache = cache;
    const stores: RowStore[] = [
      ...(memory ? [new RowMemory()] : []),
      ...(cache === undefined ? [] : [cache]),
    ];
    if (stores.length === 0) return;
    this.#reuse = new Reuse((texts) => this.#embed(texts), noTexts, stores);
  }

  /** @param cacheFile Of vectors that are known. */
  static async open(
    backend: EmbeddingBackend,
    call: EmbedOptions,
    values: EmbedValues,
    cacheFile: string | undefined,
  ): Promise<Embedder> {
    // Refuses wrong options before any input is read, and says what the vectors are where there are no texts.
    const noTexts = await backend.embed([], call);
    const cache =
      cacheFile === undefined
        ? undefined
        : await RowCache.open(cacheFile, cachePrefix(backend, call), noTexts);
    return new Embedder(backend, call, noTexts, { memory: values["no-dedupe"] !== true, cache });
  }

  embed(texts: readonly string[]): Promise<Embeddings<OutputVector>> {
    return this.#reuse === undefined ? this.#embed(texts) : this.#reuse.embed(texts);
  }

  /** Texts that had to be embedded; `undefined` where all are. */
  get embedded(): number | undefined {
    return this.#reuse?.embedded;
  }

  close(): void {
    this.#cache?.close();
  }

  #embed(texts: readonly string[]): Promise<Embeddings<OutputVector>> {
    return this.#backend.embed(texts, {
      ...this.#call,
      onProgress: (progress) => {
        this.onWork(progress.texts, progress.tokens);
      },
    });
  }
}

/** All that decides a vector beside its text. int8 and float32 weights are one space, and not the same bits. */
function cachePrefix(backend: EmbeddingBackend, call: EmbedOptions): string {
  const { inputType, dimensions, outputType, truncate } = call;
  return JSON.stringify([backend.space.id, dtypeOf(backend), inputType, dimensions, outputType, truncate]);
}

/** What a model in this process computes with. */
export function dtypeOf(backend: EmbeddingBackend): string {
  return "dtype" in backend ? String(backend.dtype) : "";
}

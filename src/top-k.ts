import { describe, invalid } from "./backends/check-options.js";
import type { OutputVector } from "./embedding-backend.js";
import { Embeddings } from "./embeddings.js";
import { cosineSimilarity, isVector, notAVector } from "./similarity.js";

/** One answer of {@link topK}. */
export interface SearchHit {
  /** Row of the searched vectors. */
  readonly index: number;
  /** Cosine similarity to the query. */
  readonly score: number;
}

/**
 * The `k` vectors most similar to `query` by cosine, best first; equal scores in the order of their rows. Rows with a
 * NaN are never returned, and fewer than `k` hits come back when there are fewer rows. Exact:
 * O(rows x dimensions + rows x log k) time, O(k) memory.
 *
 * @throws CandleEmbedError `DIMENSION_MISMATCH` when a row's length is not the query's; `INVALID_INPUT` when `k` is not
 * a whole number from 1, the query or a row is no vector, the query holds a NaN, or the vectors are packed bits or `uint8`,
 * which cosine does not fit.
 */
export function topK(
  query: ArrayLike<number>,
  embeddings: Embeddings<OutputVector> | readonly ArrayLike<number>[],
  k: number,
): SearchHit[] {
  if (!Number.isInteger(k) || k < 1) throw invalid(`k must be a whole number from 1, not ${describe(k)}`);
  if (!isVector(query)) throw notAVector("the query", query);
  if (Array.prototype.some.call(query, Number.isNaN)) throw invalid("the query vector holds a NaN");
  if (typeof embeddings !== "object" || typeof embeddings?.[Symbol.iterator] !== "function") {
    throw invalid(`the vectors must be Embeddings or an array of vectors, not ${describe(embeddings)}`);
  }
  if (embeddings instanceof Embeddings && !["float32", "int8"].includes(embeddings.outputType)) {
    throw invalid(
      `${embeddings.outputType} vectors cannot be ranked by cosine; embed with outputType "float32" or "int8"`,
    );
  }
  const best = new BestHits(k);
  let index = 0;
  for (const row of embeddings) {
    if (!isVector(row)) throw notAVector(`row ${String(index)}`, row);
    const score = cosineSimilarity(query, row);
    if (!Number.isNaN(score)) best.offer({ index, score });
    index++;
  }
  return best.sorted();
}

/** A heap of at most `capacity` hits with the worst on top, so that a row that does not rank costs one comparison. */
class BestHits {
  readonly #capacity: number;
  readonly #heap: SearchHit[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  offer(hit: SearchHit): void {
    const heap = this.#heap;
    if (heap.length < this.#capacity) {
      heap.push(hit);
      this.#siftUp(heap.length - 1);
    } else if (ranksBefore(hit, heap[0] as SearchHit)) {
      heap[0] = hit;
      this.#siftDown();
    }
  }

  sorted(): SearchHit[] {
    return this.#heap.sort((a, b) => b.score - a.score || a.index - b.index);
  }

  #siftUp(start: number): void {
    const heap = this.#heap;
    let child = start;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (ranksBefore(heap[child] as SearchHit, heap[parent] as SearchHit)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #siftDown(): void {
    const heap = this.#heap;
    let parent = 0;
    for (;;) {
      let worst = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && ranksBefore(heap[worst] as SearchHit, heap[child] as SearchHit))
          worst = child;
      }
      if (worst === parent) return;
      this.#swap(parent, worst);
      parent = worst;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as SearchHit, heap[a] as SearchHit];
  }
}

function ranksBefore(a: SearchHit, b: SearchHit): boolean {
  return a.score > b.score || (a.score === b.score && a.index < b.index);
}

import { byRank } from "./metrics/retrieval.js";

interface Hit {
  readonly id: string;
  readonly score: number;
}

/** The best documents of one query, gathered part by part; memory does not grow with the corpus. */
export class BestDocuments {
  readonly #most: number;
  #hits: Hit[] = [];
  /** What a document must reach, once there are enough. */
  #least = -Infinity;

  constructor(most: number) {
    this.#most = most;
  }

  /** `score` is compared as a float32, as trec_eval does. */
  offer(id: string, score: number): void {
    const single = Math.fround(score);
    if (single < this.#least) return;
    this.#hits.push({ id, score: single });
    if (this.#hits.length >= 2 * this.#most + 64) this.#cut();
  }

  /** The ids, best first. */
  ranked(): string[] {
    this.#cut();
    return this.#hits.map(({ id }) => id);
  }

  #cut(): void {
    this.#hits = this.#hits.sort(byRank).slice(0, this.#most);
    if (this.#hits.length === this.#most) this.#least = this.#hits.at(-1)?.score ?? -Infinity;
  }
}

/** The dot product of row `a` of one matrix with row `b` of another, both with rows of `dimensions` numbers. */
export function dotRows(
  left: ArrayLike<number>,
  a: number,
  right: ArrayLike<number>,
  b: number,
  dimensions: number,
): number {
  const from = a * dimensions;
  const other = b * dimensions;
  let sum = 0;
  for (let index = 0; index < dimensions; index++) {
    sum += (left[from + index] as number) * (right[other + index] as number);
  }
  return sum;
}

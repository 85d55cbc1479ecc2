import type { EmbedOptions } from "../embedding-backend.js";
import type { Embeddings } from "../embeddings.js";
import type { Cancellation } from "../utils/cancellation.js";

/** The texts of one request that are to be embedded, and where their vectors go. */
export interface EmbedWork {
  readonly texts: readonly string[];
  readonly options: EmbedOptions<"float32">;
  /** Ends the request early. */
  readonly cancellation: Cancellation;
  /** Takes vectors as they come: rows `from` and following of `embeddings` are those of text `start` and following. */
  onRows(embeddings: Embeddings, from: number, start: number, count: number): void;
}

/** What a request's wait was made of, in milliseconds. */
export interface WorkTimes {
  /** Until its first texts were computed. */
  readonly queuedMs: number;
  readonly computedMs: number;
}

/** Neighbouring texts of a request. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A request in the queue: some of its texts may be computed already, some be under way. */
export class WaitingTexts {
  readonly work: EmbedWork;
  /** Requests with the same key can share a call. */
  readonly key: string;
  /** Set when a call with others failed by an unknown fault: the next goes alone, and fails alone. */
  alone = false;
  readonly #tokens: Uint32Array;
  /** What is not under way, in the order it will be taken. */
  readonly #ranges: Range[];
  readonly #settle: { resolve: (times: WorkTimes) => void; reject: (error: unknown) => void };
  readonly #enteredAt = performance.now();
  #startedAt: number | undefined;
  #waitingTokens: number;
  #left: number;
  #settled = false;

  constructor(
    work: EmbedWork,
    estimate: (text: string) => number,
    settle: { resolve: (times: WorkTimes) => void; reject: (error: unknown) => void },
  ) {
    const { texts, options } = work;
    this.work = work;
    this.key = keyOf(options);
    this.#tokens = Uint32Array.from(texts, estimate);
    this.#waitingTokens = this.#tokens.reduce((sum, tokens) => sum + tokens, 0);
    this.#ranges = [{ start: 0, end: texts.length }];
    this.#left = texts.length;
    this.#settle = settle;
  }

  /** Tokens that are not under way, as estimated. */
  get waitingTokens(): number {
    return this.#waitingTokens;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Takes neighbouring texts of at most `share` tokens together, or a single one of at most `most`. */
  take(share: number, most: number): Range | undefined {
    const range = this.#ranges[0];
    if (range === undefined) return undefined;
    const { start } = range;
    let end = start;
    let sum = 0;
    while (end < range.end) {
      const next = sum + (this.#tokens[end] as number);
      if (next > (end === start ? most : share)) break;
      sum = next;
      end++;
    }
    if (end === start) return undefined;
    if (end === range.end) this.#ranges.shift();
    else this.#ranges[0] = { start: end, end: range.end };
    this.#waitingTokens -= sum;
    this.#startedAt ??= performance.now();
    return { start, end };
  }

  /** Takes texts back that a call did not embed. */
  putBack(range: Range): void {
    this.#ranges.unshift(range);
    for (let index = range.start; index < range.end; index++) {
      this.#waitingTokens += this.#tokens[index] as number;
    }
  }

  tokensOf({ start, end }: Range): number {
    return this.#tokens.subarray(start, end).reduce((sum, tokens) => sum + tokens, 0);
  }

  /** Hands on the vectors of a range; the last ones end the wait. */
  deliver(embeddings: Embeddings, from: number, { start, end }: Range): void {
    if (this.#settled) return;
    try {
      this.work.onRows(embeddings, from, start, end - start);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#left -= end - start;
    if (this.#left > 0) return;
    this.#settled = true;
    const startedAt = this.#startedAt as number;
    this.#settle.resolve({
      queuedMs: startedAt - this.#enteredAt,
      computedMs: performance.now() - startedAt,
    });
  }

  fail(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle.reject(error);
  }
}

function keyOf({ inputType, promptName, dimensions, truncate, normalize }: EmbedOptions): string {
  return JSON.stringify([inputType, promptName, dimensions, truncate, normalize]);
}

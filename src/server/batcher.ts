import { isCallersFault } from "../backends/fallback/blame.js";
import type { EmbedOptions } from "../embedding-backend.js";
import type { Embeddings } from "../embeddings.js";
import { CandleEmbedError } from "../errors.js";
import { Cancellation } from "../utils/cancellation.js";
import { HttpError } from "./http-error.js";
import { OverloadDetector } from "./overload.js";
import { WaitingTexts, type EmbedWork, type Range, type WorkTimes } from "./waiting-texts.js";

export interface BatchLimits {
  /** Tokens of a call to the backend, as estimated. A text with more goes alone. */
  readonly batchTokens: number;
  /** Calls under way at a time. */
  readonly concurrency: number;
  /** Requests that may wait. */
  readonly maxQueue: number;
  /** Milliseconds a request may wait, as estimated; `Infinity`: as long as the queue has room. */
  readonly maxWaitMs: number;
  /** Tokens of a text the model reads. */
  readonly maxTokens: number;
}

/** Told of what happens, for the metrics. */
export interface BatchObserver {
  onBatch(texts: number, tokens: number): void;
  onAnswer(embeddings: Embeddings): void;
}

interface Slice {
  readonly request: WaitingTexts;
  readonly range: Range;
}

interface Batch {
  readonly slices: readonly Slice[];
  readonly texts: readonly string[];
  readonly tokens: number;
  readonly options: EmbedOptions<"float32">;
  readonly cancellation: Cancellation;
}

/** Computes the texts of a call, which `cancellation` may end. */
export type EmbedCall = (
  texts: readonly string[],
  options: EmbedOptions<"float32">,
  cancellation: Cancellation,
) => Promise<Embeddings>;

/** A request's share of a call while others wait: small ones get in, whatever a huge one has left. */
const quantumTokens = 256;

/**
 * What a request may wait in an overload, in milliseconds: a few calls of a small model, so that there is always a next one.
 * Whoever is answered is answered about as soon as at a load that can be borne; a longer queue would serve nobody more.
 */
const overloadWaitMs = 20;

/** How much the last call counts for the learned figures. */
const learningRate = 0.1;

/**
 * Puts the texts of concurrent requests into common calls. While a call runs, what comes waits; then requests take turns
 * with small shares, so that a huge one does not keep small ones waiting for more than a call. When nothing runs, a request
 * goes straight through.
 */
export class Batcher {
  readonly #embed: EmbedCall;
  readonly #limits: BatchLimits;
  readonly #observer: BatchObserver;
  /** In the order of their turns. */
  readonly #waiting = new Set<WaitingTexts>();
  readonly #running = new Set<Batch>();
  readonly #overload = new OverloadDetector();
  #tokensPerCharacter = 0.25;
  #tokensPerMs = 10;

  constructor(embed: EmbedCall, limits: BatchLimits, observer: BatchObserver) {
    this.#embed = embed;
    this.#limits = limits;
    this.#observer = observer;
  }

  /** Requests that wait with all or some of their texts. */
  get queuedRequests(): number {
    return this.#waiting.size;
  }

  /** Tokens that wait or are under way, as estimated. */
  get pendingTokens(): number {
    let sum = 0;
    for (const { waitingTokens } of this.#waiting) sum += waitingTokens;
    for (const { tokens } of this.#running) sum += tokens;
    return sum;
  }

  /**
   * Embeds the texts of a request; resolves when `onRows` has had them all.
   *
   * @throws HttpError 429 when too many wait; what the backend rejects with; what ended the request.
   */
  submit(work: EmbedWork): Promise<WorkTimes> {
    return new Promise((resolve, reject) => {
      work.cancellation.throwIfCancelled();
      this.#checkRoom();
      const request = new WaitingTexts(work, (text) => this.#estimate(text), { resolve, reject });
      work.cancellation.waiter = (error) => {
        this.#leave(request, error);
      };
      this.#waiting.add(request);
      this.#startCalls();
    });
  }

  #estimate(text: string): number {
    return Math.min(this.#limits.maxTokens, 2 + Math.ceil(text.length * this.#tokensPerCharacter));
  }

  #checkRoom(): void {
    const { maxQueue, maxWaitMs, concurrency } = this.#limits;
    const waitMs = this.#running.size < concurrency ? 0 : this.#expectedWaitMs();
    this.#overload.arrived(waitMs, overloadWaitMs);
    if (waitMs === 0) return;
    const isFull = this.#waiting.size >= maxQueue;
    if (isFull) this.#overload.overflowed();
    // Behind the running call alone anyone may wait, however slow the model is.
    const comesSoon = waitMs <= overloadWaitMs || this.#waiting.size === 0;
    if (!isFull && waitMs <= maxWaitMs && (comesSoon || !this.#overload.isOverloaded)) return;
    throw new HttpError(429, "too many requests are waiting; try again after the pause in retry-after", {
      code: "rate_limit_exceeded",
      retryAfter: Math.min(60, Math.max(0.05, this.pendingTokens / this.#tokensPerMs / 1_000)),
    });
  }

  /** Until a request that comes now has its first turn: behind the running calls and a share of everyone who waits. */
  #expectedWaitMs(): number {
    let ahead = 0;
    for (const { waitingTokens } of this.#waiting) ahead += Math.min(waitingTokens, quantumTokens);
    for (const { tokens } of this.#running) ahead += tokens;
    return ahead / this.#tokensPerMs;
  }

  #leave(request: WaitingTexts, error: unknown): void {
    request.fail(error);
    this.#waiting.delete(request);
    for (const { slices, cancellation } of this.#running) {
      if (slices.every((slice) => slice.request.settled)) cancellation.cancel(nobodyWaits());
    }
  }

  #startCalls(): void {
    while (this.#running.size < this.#limits.concurrency) {
      const batch = this.#nextBatch();
      if (batch === undefined) return;
      this.#running.add(batch);
      void this.#run(batch);
    }
  }

  async #run(batch: Batch): Promise<void> {
    const startedAt = performance.now();
    this.#observer.onBatch(batch.texts.length, batch.tokens);
    let embeddings: Embeddings | undefined;
    try {
      embeddings = await this.#embed(batch.texts, batch.options, batch.cancellation);
    } catch (error) {
      this.#failed(batch, error);
    }
    this.#running.delete(batch);
    // Before the answers are written, so that the backend computes meanwhile.
    this.#startCalls();
    if (embeddings !== undefined) this.#deliver(batch, embeddings, performance.now() - startedAt);
  }

  #deliver({ slices, texts }: Batch, embeddings: Embeddings, milliseconds: number): void {
    this.#observer.onAnswer(embeddings);
    this.#learn(texts, embeddings, milliseconds);
    let from = 0;
    for (const { request, range } of slices) {
      request.deliver(embeddings, from, range);
      if (request.settled) this.#overload.answered();
      from += range.end - range.start;
    }
  }

  #learn(texts: readonly string[], { tokens }: Embeddings, milliseconds: number): void {
    const sum = tokens.reduce((total, each) => total + each, 0);
    const characters = texts.reduce((total, { length }) => total + length, 0);
    // APIs do not count every text's tokens.
    if (sum === 0 || characters === 0) return;
    const ratio = Math.min(2, sum / characters);
    this.#tokensPerCharacter += learningRate * (ratio - this.#tokensPerCharacter);
    // Short calls say little about speed.
    const weight = learningRate * Math.min(1, sum / quantumTokens);
    this.#tokensPerMs += weight * (sum / Math.max(milliseconds, 0.1) - this.#tokensPerMs);
  }

  /** One request's fault must not fail the others of its call. */
  #failed({ slices, texts }: Batch, error: unknown): void {
    const blamed = CandleEmbedError.isInstance(error) && error.index !== undefined ? error.index : undefined;
    const mayBeOnesFault =
      isCallersFault(error, true) || (CandleEmbedError.isInstance(error) && error.code === "INTERNAL");
    if (slices.length === 1 || !mayBeOnesFault) {
      for (const { request } of slices) this.#fail(request, error);
      return;
    }
    let from = 0;
    for (const { request, range } of slices) {
      const to = from + range.end - range.start;
      const isBlamed = blamed !== undefined && blamed >= from && blamed < to && blamed < texts.length;
      if (isBlamed) this.#fail(request, error);
      else if (!request.settled) {
        request.alone ||= blamed === undefined;
        request.putBack(range);
        this.#waiting.add(request);
      }
      from = to;
    }
  }

  #fail(request: WaitingTexts, error: unknown): void {
    this.#waiting.delete(request);
    request.fail(error);
  }

  /** The texts of the next call: shares of the first request in turn and of those that can go with it, round after round. */
  #nextBatch(): Batch | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const taken = this.#takeShares(first);
    const slices: Slice[] = [];
    const texts: string[] = [];
    let tokens = 0;
    for (const [request, ranges] of taken) {
      for (const range of ranges) {
        slices.push({ request, range });
        tokens += request.tokensOf(range);
        for (let index = range.start; index < range.end; index++) {
          texts.push(request.work.texts[index] as string);
        }
      }
      // Whoever was served goes to the end of the queue, or has nothing left to wait for.
      this.#waiting.delete(request);
      if (request.waitingTokens > 0) this.#waiting.add(request);
    }
    return { slices, texts, tokens, options: first.work.options, cancellation: new Cancellation(undefined) };
  }

  #takeShares(first: WaitingTexts): Map<WaitingTexts, Range[]> {
    const taken = new Map<WaitingTexts, Range[]>();
    let room = this.#limits.batchTokens;
    for (let progress = true; progress && room > 0;) {
      progress = false;
      for (const request of this.#waiting) {
        if (request !== first && (first.alone || request.alone || request.key !== first.key)) continue;
        const before = request.waitingTokens;
        const share = this.#waiting.size === 1 ? room : Math.min(quantumTokens, room);
        const range = request.take(share, taken.size === 0 ? Infinity : room);
        if (range === undefined) continue;
        const ranges = taken.get(request);
        if (ranges === undefined) taken.set(request, [range]);
        else ranges.push(range);
        room -= before - request.waitingTokens;
        progress = true;
        if (room <= 0) break;
      }
    }
    return taken;
  }
}

/** What ends a call whose requests are all gone; none of them hears of it. */
function nobodyWaits(): CandleEmbedError {
  return new CandleEmbedError("ABORTED", "nobody waits for these vectors any more");
}

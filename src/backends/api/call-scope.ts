import type { CandleEmbedError } from "../../errors.js";
import { aborted } from "../../utils/cancellation.js";
import { onAbort } from "../../utils/on-abort.js";
import { untilAborted } from "../../utils/until-aborted.js";

/**
 * All that can end one call to an API early: its deadline, the caller's signal, the backend being disposed, a part of it
 * that failed. The first one counts: it is what the call rejects with, and `signal` stops everything else.
 */
export class CallScope {
  readonly #controller = new AbortController();
  readonly #deadline: number;
  readonly #timer: NodeJS.Timeout;
  readonly #removeListener: (() => void) | undefined;
  #error: unknown;

  constructor(signal: AbortSignal | undefined, timeoutMs: number, timedOut: () => CandleEmbedError) {
    this.#deadline = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => {
      this.end(timedOut());
    }, timeoutMs);
    const abort = (): void => {
      this.end(aborted(signal));
    };
    if (signal?.aborted === true) abort();
    else if (signal !== undefined) this.#removeListener = onAbort(signal, abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Milliseconds until the deadline. */
  get remainingMs(): number {
    return this.#deadline - performance.now();
  }

  end(error: unknown): void {
    if (this.signal.aborted) return;
    this.#error = error;
    this.#controller.abort();
  }

  /** What `work` gives; once the call is over, its error instead, whether `work` stops or not. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await untilAborted(this.signal, work);
    } catch (error) {
      throw this.signal.aborted ? this.#error : error;
    }
  }

  /** @throws What ended the call, if something has. */
  throwIfEnded(): void {
    if (this.signal.aborted) throw this.#error;
  }

  sleep(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const slept = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    return this.run(() => slept).finally(() => {
      clearTimeout(timer);
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#removeListener?.();
  }
}

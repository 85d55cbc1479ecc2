import { CandleEmbedError } from "../errors.js";
import { onAbort } from "./on-abort.js";

/** All that can end one call early: the caller's signal, or the backend being disposed. The first one counts. */
export class Cancellation {
  #error: CandleEmbedError | undefined;
  #waiter: ((error: CandleEmbedError) => void) | undefined;
  readonly #removeListener: (() => void) | undefined;

  constructor(signal: AbortSignal | undefined) {
    if (signal === undefined) return;
    const abort = (): void => {
      this.cancel(aborted(signal));
    };
    if (signal.aborted) abort();
    else this.#removeListener = onAbort(signal, abort);
  }

  /** Ends the call with `error`, unless it has been ended before. */
  cancel(error: CandleEmbedError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#waiter?.(error);
  }

  /** What ended the call, if anything did. */
  get error(): CandleEmbedError | undefined {
    return this.#error;
  }

  get isCancelled(): boolean {
    return this.#error !== undefined;
  }

  throwIfCancelled(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Tells `waiter` at once when the call is ended; `undefined` takes it back. */
  set waiter(waiter: ((error: CandleEmbedError) => void) | undefined) {
    this.#waiter = waiter;
  }

  /** Lets go of the signal; to be called when the call is over. */
  close(): void {
    this.#removeListener?.();
  }
}

/** What a call rejects with when its signal fires. The signal's reason is its `cause`. */
export function aborted(signal: AbortSignal | undefined): CandleEmbedError {
  return new CandleEmbedError("ABORTED", "the operation was aborted", { cause: signal?.reason as unknown });
}

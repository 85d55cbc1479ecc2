import { HttpError } from "./http-error.js";

/** Bounds what the bodies of all requests, and of answers that nobody takes, hold in memory together. */
export class ByteBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** @throws HttpError 429 */
  take(bytes: number): void {
    if (bytes > this.#left) {
      throw new HttpError(
        429,
        "too much is being sent at the same time; try again after the pause in retry-after",
        {
          code: "rate_limit_exceeded",
          retryAfter: 1,
        },
      );
    }
    this.#left -= bytes;
  }

  /** Counts what cannot be refused any more: an answer. New requests are, until it is gone. */
  hold(bytes: number): void {
    this.#left -= bytes;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

import type { Cancellation } from "./cancellation.js";

/**
 * Lets so many pieces of work in at a time (default: one), in the order of arrival. Waiting costs no timer and keeps no
 * process alive.
 */
export class FifoGate {
  #places: number;
  // A Set keeps the order of arrival and lets a cancelled caller leave the middle of the queue in constant time.
  readonly #waiting = new Set<() => void>();

  constructor(places = 1) {
    this.#places = places;
  }

  /** Runs `work` when all earlier work is over. Cancelled while it waits, it leaves the queue and rejects at once. */
  async run<Result>(cancellation: Cancellation, work: () => Promise<Result>): Promise<Result> {
    cancellation.throwIfCancelled();
    if (this.#places === 0) await this.#turn(cancellation);
    else this.#places--;
    try {
      // Cancelled after its turn came, but before this line had one.
      cancellation.throwIfCancelled();
      return await work();
    } finally {
      this.#next();
    }
  }

  #turn(cancellation: Cancellation): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        cancellation.waiter = undefined;
        resolve();
      };
      cancellation.waiter = (error) => {
        this.#waiting.delete(enter);
        reject(error);
      };
      this.#waiting.add(enter);
    });
  }

  /** Hands the turn over without opening the gate in between, so that nobody who comes now overtakes the queue. */
  #next(): void {
    const [enter] = this.#waiting;
    if (enter === undefined) {
      this.#places++;
      return;
    }
    this.#waiting.delete(enter);
    enter();
  }
}

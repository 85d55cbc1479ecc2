/** A call that was let through; how it ended is told by one of the three. */
export interface Pass {
  /** @returns Whether that ended a time of failures. */
  succeeded(): boolean;
  failed(): void;
  /** It ended for a reason that says nothing about the backend. */
  dropped(): void;
}

export interface BreakerSettings {
  /** Failures in a row after which calls are kept away. */
  readonly failures: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/**
 * Keeps calls away from a backend that failed several times in a row: for a pause, after which one call may try. If that
 * fails too, the next pause is twice as long.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings;
  #failures = 0;
  #lastFailure = -Infinity;
  #pauseMs: number;
  /** When a call may try; `undefined`: calls are not kept away. */
  #opensAt: number | undefined;
  #trying = false;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
    this.#pauseMs = settings.firstPauseMs;
  }

  /** Lets a call through, or gives `undefined`. `force`: there is nobody else to ask. */
  enter(force = false): Pass | undefined {
    const tries = this.#opensAt !== undefined;
    if (this.#opensAt !== undefined && !force) {
      if (this.#trying || performance.now() < this.#opensAt) return undefined;
      this.#trying = true;
    }
    const started = performance.now();
    return {
      succeeded: () => this.#succeeded(tries, started),
      failed: () => {
        this.#failed(tries);
      },
      dropped: () => {
        if (tries) this.#trying = false;
      },
    };
  }

  /** Keeps calls away for the longest pause. */
  trip(): void {
    this.#pauseMs = this.#settings.longestPauseMs;
    this.#opensAt = performance.now() + this.#pauseMs;
  }

  #succeeded(tried: boolean, started: number): boolean {
    if (tried) this.#trying = false;
    // A call from before the last failure says nothing of the time since.
    if (this.#failures === 0 || started < this.#lastFailure) return false;
    if (this.#opensAt !== undefined && !tried) return false;
    this.#failures = 0;
    this.#opensAt = undefined;
    this.#pauseMs = this.#settings.firstPauseMs;
    return true;
  }

  #failed(tried: boolean): void {
    this.#failures++;
    this.#lastFailure = performance.now();
    const { failures, longestPauseMs } = this.#settings;
    if (tried) {
      this.#trying = false;
      this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
    } else if (this.#opensAt !== undefined || this.#failures < failures) {
      // Calls that were under way when the others failed do not make the pause longer.
      return;
    }
    this.#opensAt = performance.now() + this.#pauseMs;
  }
}

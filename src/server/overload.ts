/** A second is looked at, in slices of so many milliseconds. */
const sliceMs = 100;
const windowSlices = 10;

/** An overload lasts as long as more comes than is answered by this factor. */
const excess = 1.1;

interface Slice {
  start: number;
  arrived: number;
  answered: number;
  refused: number;
  /** The shortest wait that a request found; `Infinity` where none came. */
  leastWaitMs: number;
}

/**
 * Tells an overload from a burst. Both make a queue; a burst's is worked off, an overload's stands, and overflows. It
 * begins when for a second every request found a longer wait than it should, some of them no room at all, and lasts as
 * long as more requests come than are answered, those that are refused included. Clients that wait for their answers
 * before they send again make a standing queue too, but no overload: it grows no longer than they are many.
 *
 * The idea of looking at the least wait of an interval is CoDel's (RFC 8289).
 */
export class OverloadDetector {
  readonly #slices: Slice[] = [];
  #overloaded = false;

  get isOverloaded(): boolean {
    return this.#overloaded;
  }

  /**
   * A request came, whether or not it will be taken.
   *
   * @param waitMs Until its turn, as estimated.
   * @param bearableMs What it may be without an overload.
   */
  arrived(waitMs: number, bearableMs: number, now = performance.now()): void {
    const slice = this.#current(now);
    slice.arrived++;
    slice.leastWaitMs = Math.min(slice.leastWaitMs, waitMs);
    if (slice.arrived === 1) this.#judge(bearableMs);
  }

  answered(now = performance.now()): void {
    this.#current(now).answered++;
  }

  /** The request that came last found the queue full. */
  overflowed(now = performance.now()): void {
    this.#current(now).refused++;
  }

  #judge(bearableMs: number): void {
    const full = this.#slices.slice(0, -1);
    const sum = (of: (slice: Slice) => number): number => full.reduce((total, slice) => total + of(slice), 0);
    if (full.length < windowSlices) this.#overloaded = false;
    else if (this.#overloaded) {
      this.#overloaded = sum(({ arrived }) => arrived) > excess * sum(({ answered }) => answered);
    } else {
      const stands = full.every(({ leastWaitMs }) => leastWaitMs > bearableMs);
      this.#overloaded = stands && full.some(({ refused }) => refused > 0);
    }
  }

  #current(now: number): Slice {
    const start = Math.floor(now / sliceMs) * sliceMs;
    const last = this.#slices.at(-1);
    if (last?.start === start) return last;
    if (last !== undefined && start - last.start > sliceMs * windowSlices) {
      this.#slices.length = 0;
      this.#overloaded = false;
    }
    const slice = { start, arrived: 0, answered: 0, refused: 0, leastWaitMs: Infinity };
    this.#slices.push(slice);
    if (this.#slices.length > windowSlices + 1) this.#slices.shift();
    return slice;
  }
}

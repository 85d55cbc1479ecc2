/** A second is looked at, in slices of so many milliseconds. */
const sliceMs = 100;
const windowSlices = 10;

/** More comes than is answered by this factor. Clients that send when they are answered keep both equal. */
const excess = 1.1;

interface Slice {
  start: number;
  arrived: number;
  answered: number;
  /** The shortest wait that a request found; `Infinity` where none came. */
  leastWaitMs: number;
}

/**
 * Tells an overload from a burst. Both make a queue; a burst's is worked off, an overload's stands. It is one when for a
 * second every request found a longer wait than it should, and more requests came than were answered; and as long as that
 * is so, those that are refused included. Many clients that wait for their answers before they send again make a
 * standing queue too, but no overload: they never send more than is answered.
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

  #judge(bearableMs: number): void {
    const full = this.#slices.slice(0, -1);
    let [arrived, answered] = [0, 0];
    for (const slice of full) {
      arrived += slice.arrived;
      answered += slice.answered;
    }
    const tooMany = full.length === windowSlices && arrived > excess * answered;
    this.#overloaded =
      tooMany && (this.#overloaded || full.every(({ leastWaitMs }) => leastWaitMs > bearableMs));
  }

  #current(now: number): Slice {
    const start = Math.floor(now / sliceMs) * sliceMs;
    const last = this.#slices.at(-1);
    if (last?.start === start) return last;
    if (last !== undefined && start - last.start > sliceMs * windowSlices) {
      this.#slices.length = 0;
      this.#overloaded = false;
    }
    const slice = { start, arrived: 0, answered: 0, leastWaitMs: Infinity };
    this.#slices.push(slice);
    if (this.#slices.length > windowSlices + 1) this.#slices.shift();
    return slice;
  }
}

import { describe, expect, it } from "vitest";

import { OverloadDetector } from "../../src/server/overload.js";

const bearableMs = 20;

interface Load {
  /** A millisecond. */
  comes: number;
  answered: number;
  waitMs: (at: number) => number;
  overflows?: boolean;
}

/** Lets requests come and be answered at steady rates, a millisecond at a time; gives the detector's verdict at the end. */
function drive(
  detector: OverloadDetector,
  from: number,
  milliseconds: number,
  { comes, answered, waitMs, overflows = false }: Load,
): boolean {
  for (let at = 0; at < milliseconds; at++) {
    const now = from + at;
    for (let i = Math.floor(at * comes); i < Math.floor((at + 1) * comes); i++) {
      detector.arrived(waitMs(at), bearableMs, now);
      if (overflows) detector.overflowed(now);
    }
    for (let i = Math.floor(at * answered); i < Math.floor((at + 1) * answered); i++) detector.answered(now);
  }
  return detector.isOverloaded;
}

describe("an overload", () => {
  const tooMuch: Load = { comes: 3, answered: 1, waitMs: () => 300, overflows: true };

  it("is known after a second in which the queue stood and overflowed", () => {
    const detector = new OverloadDetector();
    expect(drive(detector, 5_000, 900, tooMuch)).toBe(false);
    expect(drive(detector, 5_900, 300, tooMuch)).toBe(true);
  });

  it("lasts while requests are refused, although those that are taken find a short queue, and ends with the excess", () => {
    const detector = new OverloadDetector();
    drive(detector, 5_000, 1_500, tooMuch);
    expect(drive(detector, 6_500, 5_000, { ...tooMuch, waitMs: () => 5, overflows: false })).toBe(true);
    expect(drive(detector, 11_500, 1_500, { comes: 0.7, answered: 0.7, waitMs: () => 2 })).toBe(false);
  });

  it("is not a queue of clients that wait for their answers", () => {
    const patient = { comes: 1.6, answered: 1.6, waitMs: () => 40 };
    expect(drive(new OverloadDetector(), 5_000, 10_000, patient)).toBe(false);
    // A few clients with large requests: in a short time one more may come than is answered.
    const few = { comes: 0.012, answered: 0.01, waitMs: () => 300 };
    expect(drive(new OverloadDetector(), 5_000, 10_000, few)).toBe(false);
  });

  it("is not a burst that is worked off", () => {
    const bursts = { ...tooMuch, waitMs: (at: number) => (at % 800 < 700 ? 200 : 0) };
    expect(drive(new OverloadDetector(), 5_000, 4_000, bursts)).toBe(false);
  });

  it("is over when nobody came for a while", () => {
    const detector = new OverloadDetector();
    drive(detector, 5_000, 1_500, tooMuch);
    detector.arrived(0, bearableMs, 9_000);
    expect(detector.isOverloaded).toBe(false);
  });
});

import { expect, it } from "vitest";

import { shareOfPeak } from "../../src/doctor/share-of-peak.js";

const shape = { layers: 1, hidden: 100, wide: 400, wideMatrices: 2 };
// 2 * 10 * (4 * 100^2 + 2 * 100 * 400) + 4 * 100 * 10^2 operations.
const work = { tokens: [10], seconds: 1, dtype: "float32" };
const operations = 2_440_000;

it("is of the larger of two peaks, which nothing but other work lowers", () => {
  const whole = { f32: 2 * operations, int8: 1e9 };
  expect(shareOfPeak(shape, work, whole, whole)).toEqual({ share: 0.5, isBusy: false });
  const lowered = { f32: operations, int8: 1e9 };
  expect(shareOfPeak(shape, work, lowered, whole)).toEqual({ share: 0.5, isBusy: true });
});

it("is not known where both peaks were lowered", () => {
  const lowered = { f32: operations / 1.38, int8: 1e9 };
  expect(shareOfPeak(shape, work, lowered, lowered)).toEqual({ share: undefined, isBusy: true });
});

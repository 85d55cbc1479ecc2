import type { EncoderShape } from "./model-work.js";
import { leastSeconds } from "./model-work.js";

/** Operations a second. */
export interface Peak {
  readonly f32: number;
  readonly int8: number;
}

/** Two peaks of an idle machine differ by less than this, a quarter of a second each. */
const steady = 1.3;

/** How much of what a machine can do was used, and whether something else used it meanwhile. */
export interface ShareOfPeak {
  /** `undefined` where it is not known. */
  readonly share: number | undefined;
  readonly isBusy: boolean;
}

/**
 * The share of the larger of two peaks, measured before and after: what else computes can only lower them. It may lower both,
 * so a share above 1 says that the machine was busy, and nothing else.
 */
export function shareOfPeak(
  shape: EncoderShape,
  work: { readonly tokens: readonly number[]; readonly seconds: number; readonly dtype: string },
  before: Peak,
  after: Peak,
): ShareOfPeak {
  const peak = { f32: Math.max(before.f32, after.f32), int8: Math.max(before.int8, after.int8) };
  const least = { f32: Math.min(before.f32, after.f32), int8: Math.min(before.int8, after.int8) };
  const share = leastSeconds(shape, work.tokens, peak, work.dtype) / work.seconds;
  const isBusy = share > 1 || peak.f32 > steady * least.f32 || peak.int8 > steady * least.int8;
  return { share: share > 1 ? undefined : share, isBusy };
}

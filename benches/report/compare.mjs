import { number, table } from "../lib/report.mjs";
import { ratios, readRecord } from "./records.mjs";

/** Rounds of one run differ by up to this much on a quiet machine. */
const TOLERANCE = 0.1;

/**
 * Two records, by the ratios to the peer that ran beside each: absolute figures of two days cannot be compared.
 *
 * @param {string} before a folder of records
 * @param {string} now
 * @returns {{ text: string, worse: boolean }}
 */
export function compare(before, now) {
  const old = new Map(ratios(readRecord(before)).map((row) => [`${row.what}\n${row.engine}`, row]));
  const both = ratios(readRecord(now)).flatMap((row) => {
    const then = old.get(`${row.what}\n${row.engine}`);
    if (then === undefined || !row.ours) return [];
    const change = row.ratio / then.ratio - 1;
    return [{ ...row, then: then.ratio, change, worse: (row.lowerIsBetter ? change : -change) > TOLERANCE }];
  });
  if (both.length === 0) throw new Error(`${before} and ${now} have no figure of candle-embed in common`);
  const text = table(
    ["figure", "engine", "ratio to the peer then", "now", "change", ""],
    both.map((row) => [
      row.what,
      row.engine,
      number(row.then),
      number(row.ratio),
      `${row.change >= 0 ? "+" : ""}${(row.change * 100).toFixed(1)} %`,
      row.worse ? "worse" : "",
    ]),
  );
  return { text, worse: both.some(({ worse }) => worse) };
}

/** One number of a report, and what it must not pass. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly most?: number;
  readonly least?: number;
}

/** What a check found. */
export interface CheckResult {
  readonly check: "golden" | "executors" | "int8" | "batches" | "determinism";
  readonly status: "passed" | "failed" | "left out";
  /** What was compared with what, or why nothing was. */
  readonly what: string;
  readonly figures: readonly Figure[];
}

/** The result of a check that was made: it failed where a figure is out of its limit. */
export function judge(check: CheckResult["check"], what: string, figures: readonly Figure[]): CheckResult {
  return { check, status: figures.every(isWithin) ? "passed" : "failed", what, figures };
}

/** The result of a check that could not be made. */
export function leftOut(check: CheckResult["check"], why: string): CheckResult {
  return { check, status: "left out", what: why, figures: [] };
}

/** Not-a-number is within no limit. */
function isWithin({ value, most = Infinity, least = -Infinity }: Figure): boolean {
  return value <= most && value >= least;
}

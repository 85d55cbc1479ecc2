export const logLevels = ["debug", "info", "warn", "error"] as const;

/** How much a record matters. */
export type LogLevel = (typeof logLevels)[number];

/** One record of the log: numbers, names and codes, never a text, a vector or a key. */
export interface LogRecord {
  /** ISO 8601. */
  readonly time: string;
  readonly level: LogLevel;
  /** What happened, for example `"request"` or `"listening"`. */
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Makes records of what is important enough. A log that fails must not fail requests. */
export class Log {
  readonly #write: (record: LogRecord) => void;
  readonly #least: number;

  constructor(write: (record: LogRecord) => void, level: LogLevel) {
    this.#write = write;
    this.#least = logLevels.indexOf(level);
  }

  /** Whether records of this level are written: for those that cost something to make. */
  takes(level: LogLevel): boolean {
    return logLevels.indexOf(level) >= this.#least;
  }

  write(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (!this.takes(level)) return;
    try {
      this.#write({ time: new Date().toISOString(), level, event, ...fields });
    } catch {
      // There is nobody to tell.
    }
  }
}

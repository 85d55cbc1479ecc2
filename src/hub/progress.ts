/** How far a download has come. */
export interface DownloadProgress {
  /** The file that got the last bytes. */
  readonly file: string;
  /** Files that are complete, of {@link files}. */
  readonly filesDone: number;
  /** How many there are. */
  readonly files: number;
  /** Bytes that are there, of {@link totalBytes}; what an earlier run left counts. */
  readonly bytes: number;
  /** Of all files. */
  readonly totalBytes: number;
  /** Over the last seconds. */
  readonly bytesPerSecond: number;
  /** `undefined` while the rate is not known. */
  readonly secondsRemaining: number | undefined;
}

/** Not more often, apart from the end of a file. */
const intervalMs = 100;

/** The rate is that of this window. */
const windowMs = 5_000;

/** Adds up what the files of one download get. */
export class ProgressMeter {
  readonly #report: (progress: DownloadProgress) => void;
  readonly #got = new Map<string, number>();
  readonly #samples: { at: number; received: number }[] = [];
  readonly #files: number;
  readonly #totalBytes: number;
  #filesDone = 0;
  #received = 0;
  #reportedAt = -Infinity;

  constructor(sizes: readonly number[], report: (progress: DownloadProgress) => void) {
    this.#files = sizes.length;
    this.#totalBytes = sizes.reduce((sum, size) => sum + size, 0);
    this.#report = report;
  }

  /** `file` has `bytes` now, `received` of them just came over the network. */
  update(file: string, bytes: number, received = 0): void {
    this.#got.set(file, bytes);
    this.#received += received;
    const now = performance.now();
    if (now - this.#reportedAt >= intervalMs) this.#send(file, now);
  }

  done(file: string, bytes: number): void {
    this.#got.set(file, bytes);
    this.#filesDone++;
    this.#send(file, performance.now());
  }

  #send(file: string, now: number): void {
    this.#reportedAt = now;
    this.#samples.push({ at: now, received: this.#received });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > windowMs) this.#samples.shift();
    const [first = { at: now, received: 0 }] = this.#samples;
    const elapsed = (now - first.at) / 1000;
    const bytesPerSecond = elapsed > 0 ? (this.#received - first.received) / elapsed : 0;
    const bytes = [...this.#got.values()].reduce((sum, value) => sum + value, 0);
    this.#report({
      file,
      filesDone: this.#filesDone,
      files: this.#files,
      bytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond,
      secondsRemaining: bytesPerSecond > 0 ? (this.#totalBytes - bytes) / bytesPerSecond : undefined,
    });
  }
}

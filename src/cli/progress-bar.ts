import type { DownloadProgress } from "../hub/progress.js";
import { formatBytes } from "../utils/format-bytes.js";
import { formatDuration } from "./format-duration.js";

/** One line on a terminal that is written again and again. Into a pipe or file it writes nothing. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  #shown = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(name: string, progress: DownloadProgress): void {
    this.showLine((width) => progressLine(name, progress, width));
  }

  /** @param line Makes the line for a width. */
  showLine(line: (width: number) => string): void {
    if (!this.#stream.isTTY) return;
    this.#shown = true;
    // The last column stays free: a full line would wrap, and a wrapped line can't be written again.
    this.#stream.write(`\r${line((this.#stream.columns || 80) - 1)}\u001B[K`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#stream.write("\r\u001B[K");
    this.#shown = false;
  }
}

/** Fills a share of so many cells: `[====>    ]`. */
export function toBar(share: number, cells: number): string {
  const done = Math.floor(share * cells);
  return `[${`${"=".repeat(done)}${done < cells ? ">" : ""}`.padEnd(cells)}]`;
}

/** For example `bge-small-en-v1.5 [=====>    ] 52%  69.1 / 133.5 MB  11.2 MB/s  0:06`. */
export function progressLine(name: string, progress: DownloadProgress, width: number): string {
  const { bytes, totalBytes, bytesPerSecond, secondsRemaining } = progress;
  const share = totalBytes > 0 ? bytes / totalBytes : 1;
  const left = secondsRemaining === undefined ? "" : `  ${formatDuration(secondsRemaining)}`;
  const numbers =
    `${String(Math.floor(share * 100)).padStart(3)}%  ${formatBytes(bytes)} / ${formatBytes(totalBytes)}` +
    `  ${formatBytes(bytesPerSecond)}/s${left}`;
  const cells = Math.min(30, width - name.length - numbers.length - 4);
  if (cells < 5) return `${name} ${numbers}`.slice(0, width);
  return `${name} ${toBar(share, cells)} ${numbers}`;
}

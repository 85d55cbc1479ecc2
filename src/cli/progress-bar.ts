import type { DownloadProgress } from "../hub/progress.js";
import { formatBytes } from "../utils/format-bytes.js";

/** One line on a terminal that is written again and again. Into a pipe or file it writes nothing. */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  #shown = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(name: string, progress: DownloadProgress): void {
    if (!this.#stream.isTTY) return;
    this.#shown = true;
    // The last column stays free: a full line would wrap, and a wrapped line can't be written again.
    this.#stream.write(`\r${progressLine(name, progress, (this.#stream.columns || 80) - 1)}\u001B[K`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#stream.write("\r\u001B[K");
    this.#shown = false;
  }
}

/** For example `bge-small-en-v1.5 [=====>    ] 52%  69.1 / 133.5 MB  11.2 MB/s  0:06`. */
export function progressLine(name: string, progress: DownloadProgress, width: number): string {
  const { bytes, totalBytes, bytesPerSecond, secondsRemaining } = progress;
  const share = totalBytes > 0 ? bytes / totalBytes : 1;
  const left = secondsRemaining === undefined ? "" : `  ${formatSeconds(secondsRemaining)}`;
  const numbers =
    `${String(Math.floor(share * 100)).padStart(3)}%  ${formatBytes(bytes)} / ${formatBytes(totalBytes)}` +
    `  ${formatBytes(bytesPerSecond)}/s${left}`;
  const cells = Math.min(30, width - name.length - numbers.length - 4);
  if (cells < 5) return `${name} ${numbers}`.slice(0, width);
  const done = Math.floor(share * cells);
  const bar = `${"=".repeat(done)}${done < cells ? ">" : ""}`.padEnd(cells);
  return `${name} [${bar.slice(0, cells)}] ${numbers}`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const parts = hours > 0 ? [hours, minutes, rest] : [minutes, rest];
  return parts.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

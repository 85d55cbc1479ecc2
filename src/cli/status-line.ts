/** How often it is written at most: a terminal need not keep up with every document. */
const pauseMilliseconds = 100;

/** One line on a terminal that is written again and again. Into a pipe or file it writes nothing. */
export class StatusLine {
  readonly #stream: NodeJS.WriteStream;
  #shownAt: number | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    const now = performance.now();
    if (!this.#stream.isTTY || now - (this.#shownAt ?? -pauseMilliseconds) < pauseMilliseconds) return;
    this.#shownAt = now;
    // The last column stays free: a full line would wrap, and a wrapped line can't be written again.
    this.#stream.write(`\r${text.slice(0, (this.#stream.columns || 80) - 1)}\u001B[K`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shownAt !== undefined) this.#stream.write("\r\u001B[K");
    this.#shownAt = undefined;
  }
}

/** `1 document`, `1,200 documents`. */
export function counted(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}

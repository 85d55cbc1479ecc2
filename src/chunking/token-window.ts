import type { Tokenizer } from "./tokenizer.js";

/** What is tokenized at once: a few milliseconds of work. */
const pieceCharacters = 32_768;

/**
 * Where the tokens of a text are, from a part that moves along with the reader. The counts are those of the text as a
 * whole; a part of it may have a token more or less when it stands alone.
 */
export class TokenWindow {
  readonly #text: string;
  readonly #tokenizer: Tokenizer;
  readonly #signal: AbortSignal | undefined;
  /** Ascending, both. */
  #starts: number[] = [];
  #ends: number[] = [];
  /** Up to here the text is tokenized. */
  #read = 0;

  constructor(text: string, tokenizer: Tokenizer, signal: AbortSignal | undefined) {
    this.#text = text;
    this.#tokenizer = tokenizer;
    this.#signal = signal;
  }

  /** The furthest position, `limit` at most, up to which the text behind `from` has at most `count` tokens. */
  async reach(from: number, count: number, limit: number): Promise<number> {
    const end = Math.min(limit, this.#text.length);
    let next = this.#firstEndingBehind(from) + count;
    while (next >= this.#starts.length && this.#read < end) {
      await this.#readOn(from);
      next = this.#firstEndingBehind(from) + count;
    }
    return Math.min(end, this.#starts[next] ?? end);
  }

  /** The first position, at or behind `limit`, from which on the text before `to` has at most `count` tokens. */
  reachBack(to: number, count: number, limit: number): number {
    const behind = this.#firstStartingAt(to);
    return Math.max(limit, this.#starts[Math.max(0, behind - count)] ?? limit);
  }

  /** Lets go of all that lies before `position`. */
  forget(position: number): void {
    const gone = this.#firstEndingBehind(position);
    // Moving the rest costs its length: only where most of it goes.
    if (gone < this.#starts.length / 2) return;
    this.#starts = this.#starts.slice(gone);
    this.#ends = this.#ends.slice(gone);
  }

  async #readOn(from: number): Promise<void> {
    // What nobody asked for is skipped, for example a long run of white space.
    const start = Math.max(this.#read, from);
    const end = pieceEnd(this.#text, start);
    const piece = this.#text.slice(start, end);
    const [tokens] = await this.#tokenizer.tokenize([piece], { specialTokens: false, signal: this.#signal });
    const offsets = tokens?.offsets ?? [];
    for (let i = 0; i + 1 < offsets.length; i += 2) {
      this.#starts.push(start + (offsets[i] as number));
      this.#ends.push(start + (offsets[i + 1] as number));
    }
    this.#read = end;
  }

  #firstEndingBehind(position: number): number {
    return firstAbove(this.#ends, position);
  }

  #firstStartingAt(position: number): number {
    return firstAbove(this.#starts, position - 1);
  }
}

/** The first index whose value is above `value`, in an ascending array. */
function firstAbove(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** At white space where there is some near the end of the piece, and never inside a pair of surrogates. */
function pieceEnd(text: string, start: number): number {
  const end = start + pieceCharacters;
  if (end >= text.length) return text.length;
  for (let at = end; at > end - 1024; at--) {
    if (/\s/.test(text.charAt(at))) return at;
  }
  return /[\uD800-\uDBFF]/.test(text.charAt(end - 1)) ? end - 1 : end;
}

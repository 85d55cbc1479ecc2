import type { Block } from "./blocks.js";
import { findCodePointEnds, findEnds, levels } from "./borders.js";
import type { TokenWindow } from "./token-window.js";
import { trimStart } from "./trim.js";

/** Where the next chunk is looked for. */
export interface Cursor {
  /** Everything before it is in a chunk. */
  readonly from: number;
  /** Start of the chunk before. */
  readonly previousStart: number;
}

/** A chunk whose tokens have been estimated. */
export interface Plan {
  readonly start: number;
  readonly end: number;
  /** The headings above its first character. */
  readonly heading: string;
  /** Where the chunk after it is looked for. */
  readonly next: Cursor;
}

export interface PlannerOptions {
  readonly blocks: Iterator<Block, void>;
  readonly tokens: TokenWindow;
  /** Tokens of a chunk without prompt, special tokens and headings, estimated. */
  readonly room: (heading: string) => Promise<number>;
  /** Most tokens that a chunk repeats of the one before. */
  readonly overlap: number;
  /** Most characters of a chunk: what a tokenizer does not know it may count as one token, however long it is. */
  readonly maxCharacters: number;
}

/** Finds the borders of chunks, by the places of the tokens in the whole text. */
export class Planner {
  readonly #text: string;
  readonly #options: PlannerOptions;
  /** The blocks that chunks to come may lie in. */
  #blocks: Block[] = [];

  constructor(text: string, options: PlannerOptions) {
    this.#text = text;
    this.#options = options;
  }

  /** The chunk at `cursor`, smaller by `less` tokens than it might be; `undefined` at the end of the text. */
  async plan(cursor: Cursor, less: number): Promise<Plan | undefined> {
    const { room, overlap, tokens, maxCharacters } = this.#options;
    const first = this.#find(cursor.from);
    const block = this.#block(first);
    if (block === undefined) return undefined;
    const from = Math.max(block.start, trimStart(this.#text, cursor.from));
    const count = Math.max(0, (await room(block.heading)) - less);
    const reach = (start: number): Promise<number> => tokens.reach(start, count, start + maxCharacters);

    const ends = this.#findEnds(first, from, await reach(from));
    let start = from;
    let end = ends.at(-1) as number;
    if (overlap > 0 && !(block.opensSection && from === block.start)) {
      const isRest = from > block.start && ends[0] === block.end;
      const repeatable = isRest
        ? [...findEnds(this.#text, block, from, block.end, "sentence"), ...ends]
        : ends;
      for (const candidate of this.#overlapStarts(cursor.previousStart, from)) {
        // The overlap gives way where a whole paragraph would not fit beside it, or a sentence of one that is cut anyway.
        const limit = await reach(candidate);
        const last = repeatable.findLast((each) => each <= limit);
        if (last === undefined) continue;
        start = candidate;
        end = last;
        break;
      }
    }
    const heading = this.#block(this.#find(start))?.heading ?? "";
    return { start, end, heading, next: { from: end, previousStart: start } };
  }

  /** Lets go of what no chunk from `position` on needs. */
  forget(position: number): void {
    this.#blocks = this.#blocks.slice(this.#find(position));
    this.#options.tokens.forget(position);
  }

  /**
   * Ends of a chunk that begins at `from`, of one kind, the best there is: of whole blocks, else of sentences, lines, words
   * or characters of the first block that does not fit. At least one, even where it is behind `limit`.
   */
  #findEnds(first: number, from: number, limit: number): number[] {
    const { ends, headingsEnd, open } = this.#wholeBlocks(first, limit);
    if (ends.length > 0) return ends;
    if (open !== undefined) {
      const start = Math.max(from, open.start);
      for (const level of levels) {
        const found = findEnds(this.#text, open, start, limit, level);
        if (found.length > 0) return found;
      }
    }
    if (headingsEnd !== undefined) return [headingsEnd];
    const points = findCodePointEnds(this.#text, from, open?.end ?? from);
    return points.filter((end, index) => index === 0 || end <= limit);
  }

  /** The blocks of a section that end at `limit` at the latest, and the first one that does not. */
  #wholeBlocks(
    first: number,
    limit: number,
  ): { ends: number[]; headingsEnd: number | undefined; open: Block | undefined } {
    const ends: number[] = [];
    let headingsEnd: number | undefined;
    for (let index = first; ; index++) {
      const block = this.#block(index);
      const isOver = block === undefined || (index > first && block.opensSection);
      if (isOver || block.end > limit) return { ends, headingsEnd, open: isOver ? undefined : block };
      // A heading goes with what is below it.
      if (block.kind === "heading") headingsEnd = block.end;
      else ends.push(block.end);
    }
  }

  /** Where a chunk may begin in the one before, so that it repeats as much as asked for or less, longest first. */
  #overlapStarts(previousStart: number, from: number): number[] {
    const { overlap, tokens } = this.#options;
    const least = tokens.reachBack(from, overlap, previousStart + 1);
    const sentences = this.#starts("sentence", previousStart, least, from);
    return sentences.length > 0 ? sentences : this.#starts("word", previousStart, least, from);
  }

  #starts(level: "sentence" | "word", previousStart: number, least: number, from: number): number[] {
    const starts: number[] = [];
    for (let index = this.#find(least); ; index++) {
      const block = this.#block(index);
      if (block === undefined || block.start >= from) return starts;
      const first = Math.max(block.start, previousStart);
      const end = Math.min(block.end, from);
      const ends = findEnds(this.#text, block, first, end, level);
      const inside = [first, ...ends.map((each) => trimStart(this.#text, each))];
      starts.push(...inside.filter((start) => start >= least && start < end));
    }
  }

  /** Index of the first block that ends behind `position`. */
  #find(position: number): number {
    let index = 0;
    for (let block = this.#block(0); block !== undefined && block.end <= position;) {
      block = this.#block(++index);
    }
    return index;
  }

  #block(index: number): Block | undefined {
    while (index >= this.#blocks.length) {
      const { done, value } = this.#options.blocks.next();
      if (done === true) return undefined;
      this.#blocks.push(value);
    }
    return this.#blocks[index];
  }
}

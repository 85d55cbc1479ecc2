import { trimEnd, trimStart } from "./trim.js";

/** How a document is read: what its paragraphs are and whether it has headings. */
export const documentFormats = ["text", "markdown", "code"] as const;

/** One of `documentFormats`. */
export type DocumentFormat = (typeof documentFormats)[number];

/** A heading or what lies between two blank lines: a paragraph, list, table or piece of code. */
export interface Block {
  readonly start: number;
  /** Behind its last character, the line end not included. */
  readonly end: number;
  /** `lines`: its lines stand for themselves. `prose`: they are one running text. */
  readonly kind: "heading" | "prose" | "lines";
  /** The headings above it, outermost first, joined by " > ". */
  readonly heading: string;
  /** A heading, other than one right below another: no chunk goes on from the text before it. */
  readonly opensSection: boolean;
}

/** Longer blocks are cut at a line end, so that looking for the next one never holds the event loop up. */
const maxBlockCharacters = 1 << 18;

/** A title is shown and embedded above each of its chunks; longer ones are no titles. */
const maxTitleCharacters = 200;

const fence = /^ {0,3}(`{3,}|~{3,})/;
const atxHeading = /^ {0,3}(#{1,6})\s(.*)$/s;
const setextUnderline = /^ {0,3}(=+|-+)\s*$/;

/**
 * The blocks of a document in their order, found as they are asked for. Between them there is only white space, and in
 * Markdown the front matter and the lines under underlined headings.
 */
export function* readBlocks(text: string, format: DocumentFormat): Generator<Block, void, undefined> {
  const builder = new BlockBuilder(text);
  const markdown = format === "markdown";
  const plainKind = format === "code" ? "lines" : "prose";
  let openFence: string | undefined;
  let position = markdown ? frontMatterEnd(text) : 0;
  while (position < text.length) {
    const [end, next] = lineAt(text, position);
    const line = text.slice(position, end);
    const mark = markdown ? fence.exec(line)?.[1] : undefined;
    if (openFence !== undefined) {
      yield* builder.add(position, end, "lines");
      if (mark?.startsWith(openFence) === true) {
        openFence = undefined;
        yield* builder.flush();
      }
      position = next;
      continue;
    }
    if (line.trim() === "") {
      yield* builder.flush();
      position = nextFilledLine(text, next);
      continue;
    }
    const heading = markdown ? atxHeading.exec(line) : null;
    const underline = markdown ? setextUnderline.exec(line)?.[1] : undefined;
    if (mark !== undefined) {
      yield* builder.flush();
      openFence = mark;
      yield* builder.add(position, end, "lines");
    } else if (heading !== null) {
      yield* builder.flush();
      yield* builder.enter(
        position,
        end,
        (heading[1] as string).length,
        withoutClosing(heading[2] as string),
      );
    } else if (underline !== undefined && builder.lines === 1) {
      const start = builder.take();
      const title = text.slice(...lineSpan(text, start)).trim();
      yield* builder.enter(start, end, underline.startsWith("=") ? 1 : 2, title);
    } else {
      yield* builder.add(position, end, plainKind);
    }
    position = next;
  }
  yield* builder.flush();
}

/** Gathers lines into blocks and keeps the path of headings. */
class BlockBuilder {
  readonly #text: string;
  #start = 0;
  #end = 0;
  #kind: "prose" | "lines" = "prose";
  /** Lines of the open block. */
  lines = 0;
  readonly #titles: string[] = [];
  #path = "";
  #afterHeading = false;

  constructor(text: string) {
    this.#text = text;
  }

  *add(start: number, end: number, kind: "prose" | "lines"): Generator<Block> {
    if (this.lines > 0 && end - this.#start > maxBlockCharacters) yield* this.flush();
    if (this.lines++ === 0) this.#start = start;
    this.#end = end;
    this.#kind = kind;
  }

  *flush(): Generator<Block> {
    if (this.lines === 0) return;
    const [kind, heading] = [this.#kind, this.#path];
    const start = Math.min(trimStart(this.#text, this.#start), this.#end);
    const end = trimEnd(this.#text, start, this.#end);
    this.lines = 0;
    if (start === end) return;
    this.#afterHeading = false;
    yield { start, end, kind, heading, opensSection: false };
  }

  /** Forgets the open block of one line and gives its start. */
  take(): number {
    this.lines = 0;
    return this.#start;
  }

  *enter(start: number, end: number, level: number, title: string): Generator<Block> {
    // A document may skip levels; the holes stay empty and are left out of the path.
    for (let i = this.#titles.length; i < level - 1; i++) this.#titles.push("");
    this.#titles.length = level - 1;
    const path = toPath(this.#titles);
    this.#titles.push(cutTitle(title));
    this.#path = toPath(this.#titles);
    const opensSection = !this.#afterHeading;
    this.#afterHeading = true;
    const trimmed = trimEnd(this.#text, start, end);
    yield { start: trimStart(this.#text, start), end: trimmed, kind: "heading", heading: path, opensSection };
  }
}

function toPath(titles: readonly string[]): string {
  return titles.filter((title) => title !== "").join(" > ");
}

function cutTitle(title: string): string {
  if (title.length <= maxTitleCharacters) return title;
  // Not through a pair of surrogates.
  return `${title.slice(0, maxTitleCharacters).replace(/[\uD800-\uDBFF]$/, "")}...`;
}

/** End of the line that begins at `start`, and where the next one begins. */
function lineAt(text: string, start: number): readonly [end: number, next: number] {
  const lineEnd = /\r\n|\n|\r/g;
  lineEnd.lastIndex = start;
  const match = lineEnd.exec(text);
  return match === null ? [text.length, text.length] : [match.index, lineEnd.lastIndex];
}

function lineSpan(text: string, start: number): [start: number, end: number] {
  return [start, lineAt(text, start)[0]];
}

/** In one search, not line by line: a document may have millions of empty ones. */
function nextFilledLine(text: string, start: number): number {
  const filled = /\S/g;
  filled.lastIndex = start;
  if (!filled.test(text)) return text.length;
  let lineStart = filled.lastIndex - 1;
  while (lineStart > start && !/[\r\n]/.test(text.charAt(lineStart - 1))) lineStart--;
  return lineStart;
}

/** The title of an ATX heading without the `#`s that may close it. By hand: a regular expression takes quadratic time. */
function withoutClosing(heading: string): string {
  const title = heading.trim();
  let end = title.length;
  while (title[end - 1] === "#") end--;
  // "C#" keeps its sign: only what stands apart closes a heading.
  return end === 0 || /\s/.test(title.charAt(end - 1)) ? title.slice(0, end).trimEnd() : title;
}

function frontMatterEnd(text: string): number {
  const start = text.startsWith("\uFEFF") ? 1 : 0;
  const opening = /---(?:\r\n|\n|\r)/y;
  opening.lastIndex = start;
  if (!opening.test(text)) return start;
  const closing = /(?:\r\n|\n|\r)---(?=[\r\n]|$)/g;
  // The line end of the opening may also be the one before the closing.
  closing.lastIndex = start + 3;
  return closing.test(text) ? closing.lastIndex : start;
}

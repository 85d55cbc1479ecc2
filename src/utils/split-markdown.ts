/** A paragraph of a Markdown file. */
export interface MarkdownPassage {
  /** The headings above it, outermost first, joined by " > "; empty before the first heading. */
  readonly heading: string;
  readonly text: string;
  /** Line of its first character, counted from 1. */
  readonly line: number;
}

/** About 250 tokens of English: what small embedding models read of a text. */
const maxCharacters = 1_000;

const fence = /^ {0,3}(`{3,}|~{3,})/;
const atxHeading = /^ {0,3}(#{1,6})\s(.*)$/s;
const setextUnderline = /^ {0,3}(=+|-+)\s*$/;
const letterOrDigit = /[\p{L}\p{N}]/u;

/**
 * Cuts Markdown into passages of a paragraph, list, table or code block each. Front matter and blocks without a letter
 * or digit are left out; a long block is cut at line ends, sentences or spaces, in this order of preference.
 */
export function splitMarkdown(source: string): MarkdownPassage[] {
  const lines = source.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  const passages: MarkdownPassage[] = [];
  const headings: string[] = [];
  let block: string[] = [];
  let blockLine = 0;
  let openFence: string | undefined;

  const flush = (): void => {
    const heading = headings.filter((title) => title !== "").join(" > ");
    for (const passage of cut(block, blockLine)) passages.push({ heading, ...passage });
    block = [];
  };
  const enter = (level: number, title: string): void => {
    flush();
    headings.length = level - 1;
    // A document may skip levels; the holes stay empty and are left out of the path.
    for (let i = 0; i < level - 1; i++) headings[i] ??= "";
    headings.push(title);
  };

  for (let i = frontMatterEnd(lines); i < lines.length; i++) {
    const line = lines[i] as string;
    const mark = fence.exec(line)?.[1];
    if (openFence !== undefined) {
      block.push(line);
      if (mark?.startsWith(openFence) === true) {
        openFence = undefined;
        flush();
      }
      continue;
    }
    const heading = atxHeading.exec(line);
    const underline = setextUnderline.exec(line)?.[1];
    if (mark !== undefined) {
      flush();
      openFence = mark;
      blockLine = i + 1;
      block.push(line);
    } else if (heading !== null) {
      enter((heading[1] as string).length, withoutClosing(heading[2] as string));
    } else if (underline !== undefined && block.length === 1) {
      const title = (block.pop() as string).trim();
      enter(underline.startsWith("=") ? 1 : 2, title);
    } else if (line.trim() === "") {
      flush();
    } else {
      if (block.length === 0) blockLine = i + 1;
      block.push(line);
    }
  }
  flush();
  return passages;
}

/** The title of an ATX heading without the `#`s that may close it. By hand: a regular expression takes quadratic time. */
function withoutClosing(heading: string): string {
  const title = heading.trim();
  let end = title.length;
  while (title[end - 1] === "#") end--;
  // "C#" keeps its sign: only what stands apart closes a heading.
  return end === 0 || /\s/.test(title.charAt(end - 1)) ? title.slice(0, end).trimEnd() : title;
}

function frontMatterEnd(lines: readonly string[]): number {
  if (lines[0] !== "---") return 0;
  const end = lines.indexOf("---", 1);
  return end === -1 ? 0 : end + 1;
}

/** The passages of one block: the whole block, or pieces of at most `maxCharacters`. */
function* cut(block: readonly string[], firstLine: number): Generator<{ text: string; line: number }> {
  let text = "";
  let line = firstLine;
  for (const [offset, row] of block.entries()) {
    if (text !== "" && text.length + 1 + row.length > maxCharacters) {
      yield* pieces(text, line);
      text = "";
    }
    if (text === "") line = firstLine + offset;
    text = text === "" ? row : `${text}\n${row}`;
  }
  yield* pieces(text, line);
}

function* pieces(text: string, line: number): Generator<{ text: string; line: number }> {
  let rest = text.trim();
  while (rest.length > maxCharacters) {
    const window = rest.slice(0, maxCharacters);
    const sentence =
      Math.max(window.lastIndexOf(". "), window.lastIndexOf("! "), window.lastIndexOf("? ")) + 1;
    let end = sentence > maxCharacters / 2 ? sentence : window.lastIndexOf(" ");
    // A pair of surrogates, half of which fits, goes to the next piece.
    if (end <= 0) end = /[\uD800-\uDBFF]$/.test(window) ? maxCharacters - 1 : maxCharacters;
    const piece = rest.slice(0, end).trim();
    if (letterOrDigit.test(piece)) yield { text: piece, line };
    rest = rest.slice(end).trim();
  }
  if (letterOrDigit.test(rest)) yield { text: rest, line };
}

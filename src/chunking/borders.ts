import type { Block } from "./blocks.js";
import { trimEnd } from "./trim.js";

/** Where a block may be cut, best first. */
export const levels = ["sentence", "line", "word", "character"] as const;
export type Level = (typeof levels)[number];

/** How far behind a limit the text is read to know whether a sentence ends at it. */
const lookAhead = 256;

/** Without any better border so many characters are looked at, which is more than a chunk of words has. */
const maxCharacters = 4096;

// One language for all, so that a document is cut alike on every machine: the rules for sentences are the same in nearly
// all, and those for words choose their dictionary by the script.
const segmenters = {
  sentence: new Intl.Segmenter("en", { granularity: "sentence" }),
  word: new Intl.Segmenter("en", { granularity: "word" }),
  grapheme: new Intl.Segmenter("en", { granularity: "grapheme" }),
};

/** Before a list item or a table row: the line end is a border like the end of a sentence. */
const itemStart = /(?:\r\n|\n|\r)(?=[ \t]*(?:[-*+\u2022]\s|\d{1,9}[.)]\s|\|))/g;
const lineEnds = /\r\n|\n|\r/g;

/** Markdown's marks that close behind the full stop ("**Nothing is lost.** Every"): the segmenter begins a sentence with them. */
const closingMarks = /(?<!\s)[*_~`]+(?=\s|$)/y;

/**
 * The ends of the sentences, lines, words or characters of `block` that begin at or behind `from` and end at `limit` at the
 * latest, in their order. White space behind them is left out.
 */
export function findEnds(text: string, block: Block, from: number, limit: number, level: Level): number[] {
  const reach = Math.min(
    block.end,
    limit + lookAhead,
    level === "character" ? from + maxCharacters : Infinity,
  );
  const slice = text.slice(from, reach);
  const found = [...segmentEnds(slice, block.kind === "lines" && level === "sentence" ? "line" : level)];
  // Where the text was cut for looking at it, nothing ends.
  if (reach < block.end) found.pop();
  const ends: number[] = [];
  let before = from;
  for (const end of found) {
    const trimmed = trimEnd(text, before, from + end);
    if (trimmed > limit) break;
    if (trimmed > before) ends.push(trimmed);
    before = from + end;
  }
  return ends;
}

function* segmentEnds(slice: string, level: Level): Generator<number> {
  switch (level) {
    case "sentence":
      for (const [start, end] of splitAt(slice, itemStart)) {
        // A line end inside a paragraph is a space; the segmenter would take it for the end of a sentence.
        const running = slice.slice(start, end).replace(lineEnds, (match) => " ".repeat(match.length));
        for (const { index, segment } of segmenters.sentence.segment(running)) {
          closingMarks.lastIndex = index + segment.length;
          yield start + (closingMarks.test(running) ? closingMarks.lastIndex : index + segment.length);
        }
      }
      break;
    case "line":
      for (const [, end] of splitAt(slice, lineEnds)) yield end;
      break;
    case "word":
      yield* wordEnds(slice);
      break;
    case "character":
      for (const { index, segment } of segmenters.grapheme.segment(slice)) yield index + segment.length;
      break;
  }
}

/** Scripts that put no spaces between words. */
const unspaced = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]/u;

/** Ends of words with the punctuation that belongs to them: at white space, and between words that stand without any. */
function* wordEnds(slice: string): Generator<number> {
  if (unspaced.test(slice)) {
    let afterWord = false;
    for (const { index, segment, isWordLike } of segmenters.word.segment(slice)) {
      const isWord = isWordLike === true;
      if (index > 0 && (segment.trim() === "" || (isWord && afterWord))) yield index;
      afterWord = isWord;
    }
  } else {
    // The same ends in a tenth of the segmenter's time.
    for (const { index } of slice.matchAll(/\s+/g)) if (index > 0) yield index;
  }
  yield slice.length;
}

function* splitAt(slice: string, separator: RegExp): Generator<readonly [start: number, end: number]> {
  let start = 0;
  for (const match of slice.matchAll(separator)) {
    yield [start, match.index];
    start = match.index + match[0].length;
  }
  yield [start, slice.length];
}

/** The ends of the code points of one character: what is left where not even a character fits. */
export function findCodePointEnds(text: string, from: number, end: number): number[] {
  const ends: number[] = [];
  for (const point of text.slice(from, Math.min(end, from + lookAhead))) {
    ends.push((ends.at(-1) ?? from) + point.length);
  }
  return ends;
}

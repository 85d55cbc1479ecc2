import { isUtf8 } from "node:buffer";

import { start, type BadLine, type Entry, type InputText, type Position } from "../record.js";
import type { Fingerprint } from "./fingerprint.js";
import { maxLineBytes, splitRawLines, type RawLine } from "../../utils/raw-lines.js";
import { roundedField } from "./exact-numbers.js";
import { isMetadata, takeFields } from "./record-fields.js";
import type { FieldOptions, Source } from "./source.js";

/** What a line holds: a text, the reason why not, or nothing, which does not count. */
type LineParser = (line: string) => Omit<InputText, "index" | "line"> | string | undefined;

/** One text a line; an empty line is the empty text. */
export const parseText: LineParser = (text) => ({ text });

/** One JSON object a line; lines of white space do not count. */
export function jsonParser(fields: FieldOptions): LineParser {
  return (line) => {
    if (line.trim() === "") return undefined;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      return "is not JSON";
    }
    const taken = takeFields(record, fields);
    if (typeof taken === "string") return taken;
    const rounded = roundedField(line, (name) => name === (fields.id ?? "id") || isMetadata(name, fields));
    if (rounded === undefined) return taken;
    return `has a number in ${JSON.stringify(rounded)} that would be rounded: write it as a string, or leave the field out`;
  };
}

interface LineSourceInit {
  /** The bytes from an offset on. */
  readonly open: (offset: number) => AsyncIterable<Uint8Array>;
  readonly parse: LineParser;
  readonly size?: number;
  readonly fingerprint?: Fingerprint;
}

/** Texts that stand on lines. */
export class LineSource implements Source {
  readonly fingerprint: Fingerprint | undefined;
  readonly #open: LineSourceInit["open"];
  readonly #parse: LineParser;
  readonly #size: number | undefined;
  #first: Position = start;
  #end = Infinity;

  constructor({ open, parse, size, fingerprint }: LineSourceInit) {
    this.#open = open;
    this.#parse = parse;
    this.#size = size;
    this.fingerprint = fingerprint;
  }

  get total(): number | undefined {
    if (this.#size === undefined) return undefined;
    return Math.max(0, Math.min(this.#end, this.#size) - this.#first.offset);
  }

  done({ offset }: Position): number {
    return offset - this.#first.offset;
  }

  /**
   * Keeps only the lines that begin in `from <= byte < to`, numbered as they are in the whole: what is before them is
   * read once, to count.
   */
  async narrow(from: number, to: number): Promise<void> {
    this.#end = to;
    if (from === 0) return;
    let { offset, line, index } = start;
    scan: for await (const lines of splitRawLines(this.#open(0))) {
      for (const raw of lines) {
        if (raw.start >= from) break scan;
        line++;
        if (this.#counts(raw)) index++;
        offset = raw.end;
      }
    }
    this.#first = { offset, line, index };
  }

  async *read(from: Position = this.#first): AsyncGenerator<readonly Entry[], void, undefined> {
    let { line, index } = from;
    for await (const lines of splitRawLines(this.#open(from.offset), from.offset)) {
      const entries: Entry[] = [];
      for (const raw of lines) {
        if (raw.start >= this.#end) {
          yield entries;
          return;
        }
        line++;
        const content = this.#content(raw, line, index);
        if (content === undefined) continue;
        index++;
        entries.push({ content, after: { offset: raw.end, line, index } });
      }
      yield entries;
    }
  }

  #content({ bytes, start: at }: RawLine, line: number, index: number): InputText | BadLine | undefined {
    const parsed = this.#decode(bytes, at);
    if (typeof parsed === "string") return { line, index, reason: parsed };
    return parsed && { index, line, ...parsed };
  }

  #decode(bytes: Buffer | undefined, at: number): ReturnType<LineParser> {
    if (bytes === undefined) return `is longer than ${String(maxLineBytes)} bytes`;
    if (!isUtf8(bytes)) return "is not UTF-8";
    const text = bytes.toString("utf8");
    return this.#parse(at === 0 && text.startsWith("\uFEFF") ? text.slice(1) : text);
  }

  #counts({ bytes, start: at }: RawLine): boolean {
    // Only what no parser looks at more closely can be counted without parsing: white space.
    if (this.#parse === parseText || bytes === undefined || !isUtf8(bytes)) return true;
    const text = bytes.toString("utf8");
    return (at === 0 && text.startsWith("\uFEFF") ? text.slice(1) : text).trim() !== "";
  }
}

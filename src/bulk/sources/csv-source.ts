import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { addAbortSignal, pipeline, type Readable } from "node:stream";

import type { CsvError, Info } from "csv-parse";

import { CandleEmbedError } from "../../errors.js";
import { loadPeer } from "../../utils/optional-peer.js";
import { start, type BadLine, type Entry, type InputText, type Position } from "../record.js";
import type { Fingerprint } from "./fingerprint.js";
import { maxLineBytes } from "../../utils/raw-lines.js";
import { namedFields, takeFields } from "./record-fields.js";
import type { FieldOptions, Source } from "./source.js";

interface CsvSourceInit {
  /** A file, which can be read again from where a run stopped, or a stream. */
  readonly input: string | Readable;
  readonly delimiter: "," | "\t";
  readonly fields: FieldOptions;
  readonly signal: AbortSignal;
  readonly size?: number;
  readonly fingerprint?: Fingerprint;
}

interface Row {
  readonly record: readonly Buffer[];
  readonly info: Info;
}

/** What is used of csv-parse's parser. */
interface Parser extends AsyncIterable<Row> {
  /** Of all that was read. */
  readonly info: Info;
}

/** Records of comma- or tab-separated values, under the names of the first one. */
export class CsvSource implements Source {
  readonly fingerprint: Fingerprint | undefined;
  readonly #init: CsvSourceInit;
  #from = 0;
  #to = Infinity;

  constructor(init: CsvSourceInit) {
    this.#init = init;
    this.fingerprint = init.fingerprint;
  }

  get total(): number | undefined {
    return this.#init.size;
  }

  done({ offset }: Position): number {
    return offset;
  }

  /** Keeps only the records `from <= index < to`. */
  narrow(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
  }

  /** Records of the file, the bad ones too: a quoted value may hold line ends, so that only reading it all tells. */
  async count(): Promise<number> {
    let last = 0;
    for await (const entries of this.read()) last = entries.at(-1)?.after.index ?? last;
    return last;
  }

  async *read(from?: Position): AsyncGenerator<readonly Entry[], void, undefined> {
    const base = from ?? start;
    let names = from === undefined ? undefined : await this.#readNames();
    let index = base.index;
    let entries: Entry[] = [];
    const unclosed: CsvError[] = [];
    const bytes = new ByteCount(base.offset);
    const parser = await this.#parse(bytes, (error) => unclosed.push(error));
    const add = (content: (at: number) => InputText | BadLine, offset: number, info: Info): void => {
      const at = index++;
      if (at < this.#from || at >= this.#to) return;
      entries.push({ content: content(at), after: { offset, line: base.line + info.lines, index } });
    };
    for await (const { record, info } of rows(parser, base.line)) {
      if (index >= this.#to) break;
      if (names === undefined) {
        names = this.#checkNames(record);
        continue;
      }
      const header = names;
      const line = base.line + info.lines;
      add((at) => this.#content(header, record, line, at), bytes.first + info.bytes, info);
      if (entries.length >= 1_024) {
        yield entries;
        entries = [];
      }
    }
    // Only the end of the input shows that a quotation was not closed.
    for (const error of unclosed) {
      const line = base.line + Number(error["lines"]);
      const reason = "ends in a quotation that is not closed";
      add((at) => ({ line, index: at, reason }), bytes.end, parser.info);
    }
    if (entries.length > 0) yield entries;
  }

  #content(
    names: readonly string[],
    record: readonly Buffer[],
    line: number,
    index: number,
  ): InputText | BadLine {
    if (record.length !== names.length) {
      const reason = `has ${String(record.length)} columns, the first line ${String(names.length)}`;
      return { line, index, reason };
    }
    if (!record.every((value) => isUtf8(value))) return { line, index, reason: "is not UTF-8" };
    const fields = takeFields(
      Object.fromEntries(names.map((name, column) => [name, record[column]?.toString("utf8")])),
      this.#init.fields,
    );
    return typeof fields === "string" ? { line, index, reason: fields } : { index, line, ...fields };
  }

  /** The names stand at the start of the file, wherever reading goes on. */
  async #readNames(): Promise<readonly string[]> {
    const parser = await this.#parse(new ByteCount(0), () => undefined);
    for await (const { record } of rows(parser, 0)) return this.#checkNames(record);
    return [];
  }

  #checkNames(record: readonly Buffer[]): readonly string[] {
    const names = record.map((name) => name.toString("utf8"));
    for (const name of namedFields(this.#init.fields)) {
      if (names.includes(name)) continue;
      throw new CandleEmbedError(
        "INVALID_INPUT",
        `the first line has no column ${JSON.stringify(name)}; it has ${names.join(", ").slice(0, 200)}`,
      );
    }
    return names;
  }

  async #parse(bytes: ByteCount, onSkip: (error: CsvError) => void): Promise<Parser> {
    const { input, delimiter, signal } = this.#init;
    const { parse } = await loadPeer("csv-parse", "CSV and TSV input", () => import("csv-parse"));
    const stream = typeof input === "string" ? createReadStream(input, { start: bytes.first }) : input;
    const parser = parse({
      delimiter,
      // Tab-separated values have no quotation: a quote is a character of the text.
      quote: delimiter === "," ? '"' : null,
      // Values stay bytes, so that what is not UTF-8 is seen.
      encoding: null,
      info: true,
      // A quotation mark inside a value is part of it: refusing it, the parser would lose the lines behind it too.
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      max_record_size: maxLineBytes,
      on_skip: (error?: CsvError) => {
        if (error !== undefined) onSkip(error);
        return undefined;
      },
    });
    const pass = (chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> => bytes.count(chunks);
    // What fails reaches the reader of the parser.
    pipeline(addAbortSignal(signal, stream), pass, parser, () => undefined);
    return parser;
  }
}

const byteOrderMark = Buffer.from("\uFEFF");

/** Where the bytes of a parser are in the input. (Its own removal of a byte order mark would make strings of values.) */
class ByteCount {
  /** Before the parser's first byte. */
  first: number;
  /** Behind the last one that it was given. */
  end: number;

  constructor(offset: number) {
    this.first = offset;
    this.end = offset;
  }

  async *count(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of chunks) {
      const marked = this.end === 0 && chunk.subarray(0, byteOrderMark.length).equals(byteOrderMark);
      if (marked) this.first = byteOrderMark.length;
      this.end += chunk.length;
      yield marked ? chunk.subarray(byteOrderMark.length) : chunk;
    }
  }
}

/** What the parser gives, or an error that tells what a record without end may mean. */
async function* rows(parser: Parser, line: number): AsyncGenerator<Row, void, undefined> {
  try {
    yield* parser;
  } catch (cause) {
    const { code, lines } = cause as CsvError;
    if (code !== "CSV_MAX_RECORD_SIZE") throw cause;
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `the record at line ${String(line + Number(lines))} is longer than ${String(maxLineBytes)} bytes: is a ` +
        "quotation mark before it not closed?",
      { cause },
    );
  }
}

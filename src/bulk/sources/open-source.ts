import { createReadStream, fstatSync } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";

import { CandleEmbedError } from "../../errors.js";
import type { Entry, InputText } from "../record.js";
import { CsvSource } from "./csv-source.js";
import { fingerprintFile } from "./fingerprint.js";
import { jsonParser, LineSource, parseText } from "./line-source.js";
import { ParquetSource } from "./parquet-source.js";
import type { FieldOptions, Source } from "./source.js";

/** The formats that texts are read from. */
export const inputFormats = ["lines", "jsonl", "csv", "tsv", "parquet"] as const;
export type InputFormat = (typeof inputFormats)[number];

/** The part of an input that one of several machines works through. */
export interface Shard {
  /** Counted from 0. */
  readonly index: number;
  readonly count: number;
}

interface OpenOptions {
  readonly format: InputFormat;
  readonly fields: FieldOptions;
  readonly signal: AbortSignal;
  readonly shard?: Shard | undefined;
}

/** What a file's name says of its format. */
export function formatOf(file: string): InputFormat {
  const extension = /\.(jsonl|ndjson|csv|tsv|parquet)$/i.exec(file)?.[1]?.toLowerCase();
  if (extension === undefined) return "lines";
  return extension === "ndjson" ? "jsonl" : (extension as InputFormat);
}

/**
 * The texts of a file. A regular file has a fingerprint, and a shard of it is a run of its lines: of bytes where lines can
 * be told from bytes, else of records. So the outputs of the shards, in order, are the output of the whole.
 */
export async function openFile(file: string, options: OpenOptions): Promise<Source> {
  const { format, fields, signal, shard } = options;
  const stats = await stat(file).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new CandleEmbedError("INVALID_INPUT", `there is no file ${file}`, { cause });
  });
  if (stats.isDirectory()) throw new CandleEmbedError("INVALID_INPUT", `${file} is a folder; pass a file`);
  if (!stats.isFile()) {
    if (shard !== undefined)
      throw new CandleEmbedError("INVALID_INPUT", "only a file can be split into shards");
    return openStream(createReadStream(file), options);
  }
  if (format === "parquet") {
    const source = await ParquetSource.open(file, fields);
    if (shard !== undefined) source.narrow(...part(source.total, shard));
    return source;
  }
  const init = { fields, signal, size: stats.size, fingerprint: await fingerprintFile(file) };
  if (format === "csv" || format === "tsv") {
    const source = new CsvSource({ ...init, input: file, delimiter: delimiterOf(format) });
    if (shard !== undefined) source.narrow(...part(await source.count(), shard));
    return source;
  }
  const open = (from: number): Readable => addAbortSignal(signal, createReadStream(file, { start: from }));
  const source = new LineSource({ ...init, open, parse: parserOf(format, fields) });
  if (shard !== undefined) await source.narrow(...part(stats.size, shard));
  return source;
}

/** The texts of standard input. */
export function openStdin(stdin: NodeJS.ReadStream, options: OpenOptions): Source {
  // Node takes a folder for an input that is empty.
  if (fstatSync(0).isDirectory()) {
    throw new CandleEmbedError("INVALID_INPUT", "standard input is a folder; pass a file");
  }
  return openStream(stdin, options);
}

/** The texts given as arguments. */
export function fromTexts(texts: readonly string[]): Source {
  const entries = texts.map((text, index): Entry => {
    const line = index + 1;
    const content: InputText = { text, index, line };
    return { content, after: { offset: line, line, index: line } };
  });
  return {
    total: texts.length,
    done: ({ offset }) => offset,
    // eslint-disable-next-line @typescript-eslint/require-await -- what is there already is read like the rest
    async *read() {
      yield entries;
    },
  };
}

function openStream(stream: Readable, { format, fields, signal }: OpenOptions): Source {
  if (format === "parquet") {
    throw new CandleEmbedError("INVALID_INPUT", "Parquet is read from a file: its contents stand at its end");
  }
  if (format === "csv" || format === "tsv") {
    return new CsvSource({ input: stream, delimiter: delimiterOf(format), fields, signal });
  }
  const open = (): Readable => addAbortSignal(signal, stream);
  return new LineSource({ open, parse: parserOf(format, fields) });
}

function parserOf(format: "lines" | "jsonl", fields: FieldOptions): typeof parseText {
  return format === "lines" ? parseText : jsonParser(fields);
}

function delimiterOf(format: "csv" | "tsv"): "," | "\t" {
  return format === "csv" ? "," : "\t";
}

/** Where a shard of so much begins and ends. */
function part(total: number, { index, count }: Shard): [from: number, to: number] {
  return [Math.floor((total * index) / count), Math.floor((total * (index + 1)) / count)];
}

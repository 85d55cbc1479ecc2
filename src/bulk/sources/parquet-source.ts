import type * as Hyparquet from "hyparquet";
import type { AsyncBuffer, FileMetaData } from "hyparquet";

import { CandleEmbedError } from "../../errors.js";
import { loadPeer } from "../../utils/optional-peer.js";
import { start, type Entry, type Position } from "../record.js";
import { fingerprintFile, type Fingerprint } from "./fingerprint.js";
import { namedFields, takeFields } from "./record-fields.js";
import type { FieldOptions, Source } from "./source.js";

/** The rows of a Parquet file. A row group is in memory at a time. */
export class ParquetSource implements Source {
  readonly fingerprint: Fingerprint;
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #fields: FieldOptions;
  readonly #columns: string[] | undefined;
  #first = 0;
  #end: number;

  private constructor(
    file: AsyncBuffer,
    metadata: FileMetaData,
    fingerprint: Fingerprint,
    fields: FieldOptions,
  ) {
    this.#file = file;
    this.#metadata = metadata;
    this.fingerprint = fingerprint;
    this.#fields = fields;
    this.#columns = neededColumns(metadata, fields);
    this.#end = Number(metadata.num_rows);
  }

  /** @throws CandleEmbedError `INVALID_INPUT` for a file that is not Parquet or lacks a column, and without hyparquet. */
  static async open(path: string, fields: FieldOptions): Promise<ParquetSource> {
    const { asyncBufferFromFile, parquetMetadataAsync } = await hyparquet();
    const file = await asyncBufferFromFile(path);
    const fingerprint = await fingerprintFile(path);
    let metadata: FileMetaData;
    try {
      metadata = await parquetMetadataAsync(file);
    } catch (cause) {
      throw new CandleEmbedError("INVALID_INPUT", `${path} cannot be read as Parquet: ${String(cause)}`, {
        cause,
      });
    }
    return new ParquetSource(file, metadata, fingerprint, fields);
  }

  get total(): number {
    return this.#end - this.#first;
  }

  done({ offset }: Position): number {
    return offset - this.#first;
  }

  /** Keeps only the rows `from <= row < to`. */
  narrow(from: number, to: number): void {
    this.#first = from;
    this.#end = to;
  }

  async *read(from?: Position): AsyncGenerator<readonly Entry[], void, undefined> {
    const { parquetReadObjects } = await hyparquet();
    const { compressors } = await loadPeer(
      "hyparquet-compressors",
      "a Parquet file as input",
      () => import("hyparquet-compressors"),
    );
    let next = (from ?? { ...start, offset: this.#first }).offset;
    let groupEnd = 0;
    for (const { num_rows } of this.#metadata.row_groups) {
      groupEnd += Number(num_rows);
      const rowEnd = Math.min(groupEnd, this.#end);
      if (rowEnd <= next) continue;
      const rows = await parquetReadObjects({
        file: this.#file,
        metadata: this.#metadata,
        compressors,
        rowStart: next,
        rowEnd,
        ...(this.#columns !== undefined && { columns: this.#columns }),
      });
      yield* this.#entries(rows, next);
      next = rowEnd;
    }
  }

  *#entries(rows: readonly Record<string, unknown>[], first: number): Generator<readonly Entry[]> {
    const slice = 1_024;
    for (let at = 0; at < rows.length; at += slice) {
      yield rows.slice(at, at + slice).map((row, i) => {
        const index = first + at + i;
        const line = index + 1;
        const after = { offset: line, line, index: line };
        const parsed = takeFields(plainRow(row), this.#fields);
        if (typeof parsed === "string") return { content: { line, index, reason: parsed }, after };
        return { content: { index, line, ...parsed }, after };
      });
    }
  }
}

function hyparquet(): Promise<typeof Hyparquet> {
  return loadPeer("hyparquet", "a Parquet file as input", () => import("hyparquet"));
}

/** Columns that nobody asked for are not decoded; a column that is missing in the file is missing in every row. */
function neededColumns({ schema, row_groups }: FileMetaData, fields: FieldOptions): string[] | undefined {
  const there = new Set(row_groups.flatMap(({ columns }) => columns.map(topLevelName)));
  // A file without rows says it only in its schema.
  for (const { name } of schema.slice(1)) there.add(name);
  for (const name of namedFields(fields)) {
    if (there.has(name)) continue;
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `the Parquet file has no column ${JSON.stringify(name)}; it has ${[...there].join(", ")}`,
    );
  }
  const { text = "text", id = "id", metadata } = fields;
  return metadata && [text, id, ...metadata].filter((name) => there.has(name));
}

function topLevelName({ meta_data }: FileMetaData["row_groups"][number]["columns"][number]): string {
  return meta_data?.path_in_schema[0] ?? "";
}

/** A row in the types of JSON. Columns without a value are left out, as a field that JSON lacks. */
function plainRow(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [[name, plain(value)]],
    ),
  );
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number | bigint>, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
  }
  return value;
}

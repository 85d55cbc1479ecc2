import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import { newVector, rowLength } from "../reuse.js";
import type { Kinds } from "./kinds.js";
import { readParts } from "./read-parts.js";
import { tableColumns, type Table, type TableFormat } from "./table.js";
import { loadArrow, writeArrow } from "./arrow.js";
import { loadLance, writeLance } from "./lance.js";
import { loadParquetWriter, writeParquet } from "./parquet.js";

export interface FinishOptions {
  /** The file of records. */
  readonly records: string;
  /** The file of vectors. */
  readonly vectors: string;
  readonly kinds: Kinds;
  readonly withText: boolean;
  /** The answer to no texts: what the vectors are. */
  readonly noTexts: Embeddings<OutputVector>;
  readonly signal: AbortSignal;
}

/** Loads what a table is written with, so that what is missing is known before the work, not after it. */
export async function loadTablePackages(format: TableFormat): Promise<void> {
  await { parquet: loadParquetWriter, arrow: loadArrow, lance: loadLance }[format]();
}

/** Makes a table's file, or folder, of the parts of a run. Killed on the way, it is made again from the start. */
export async function finishTable(format: TableFormat, file: string, options: FinishOptions): Promise<void> {
  const { records, vectors, kinds, withText, noTexts, signal } = options;
  const { outputType } = noTexts;
  const vectorLength = rowLength(noTexts);
  const table: Table = {
    columns: tableColumns(kinds, withText),
    vectorLength,
    vectorType: newVector(outputType, 0),
    rows: () => readParts({ records, vectors, outputType, vectorLength, signal }),
  };
  switch (format) {
    case "parquet":
      return writeParquet(file, table);
    case "arrow":
      return writeArrow(file, table);
    case "lance":
      return writeLance(file, table);
  }
}

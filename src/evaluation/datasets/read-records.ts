import { createReadStream } from "node:fs";

import { CandleEmbedError } from "../../errors.js";
import { loadPeer } from "../../utils/optional-peer.js";
import { splitRawLines } from "../../utils/raw-lines.js";
import { messageOf } from "../../utils/message-of.js";

/** A row of a table or an object of JSON Lines. */
export type DatasetRecord = Readonly<Record<string, unknown>>;

/** The lines of a file that are not blank, with their numbers, counted from 1. */
export async function* readLines(
  file: string,
): AsyncGenerator<{ line: string; number: number }, void, undefined> {
  let number = 0;
  for await (const lines of splitRawLines(readBytes(file))) {
    for (const { bytes } of lines) {
      number++;
      if (bytes === undefined) throw invalidData(`${file}: line ${String(number)} is longer than 16 MiB`);
      const line = bytes.toString("utf8");
      if (line.trim() !== "") yield { line, number };
    }
  }
}

async function* readBytes(file: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* createReadStream(file) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** The error of a file that the system does not give. */
export function unreadable(file: string, cause: unknown): CandleEmbedError {
  const reason = messageOf(cause);
  return invalidData(`${file} cannot be read: ${reason}`, cause);
}

/** The objects of a JSON Lines file. */
export async function readJsonLines(file: string): Promise<DatasetRecord[]> {
  const records: DatasetRecord[] = [];
  for await (const { line, number } of readLines(file)) records.push(parseRecord(line, file, number));
  return records;
}

/** The rows of a Parquet file, read with hyparquet, which is installed by those who need it. */
export async function readParquet(file: string): Promise<DatasetRecord[]> {
  const { asyncBufferFromFile, parquetReadObjects } = await loadPeer(
    "hyparquet",
    "a data set of the hub",
    () => import("hyparquet"),
  );
  try {
    return await parquetReadObjects({ file: await asyncBufferFromFile(file) });
  } catch (cause) {
    throw invalidData(`${file} is no Parquet file that hyparquet can read`, cause);
  }
}

/** A field with text. Numbers serve as ids, which some data sets write so. */
export function textField(record: DatasetRecord, field: string, where: string): string {
  const value = record[field];
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  throw invalidData(`${where} has no field ${JSON.stringify(field)} with text`);
}

/** A field with a number; Parquet gives whole ones as bigint. */
export function numberField(value: unknown, where: string): number {
  const number = typeof value === "string" && value.trim() === "" ? NaN : Number(value ?? NaN);
  if (Number.isFinite(number)) return number;
  throw invalidData(`${where} has no number where its score should be: ${JSON.stringify(String(value))}`);
}

export function invalidData(message: string, cause?: unknown): CandleEmbedError {
  return new CandleEmbedError("INVALID_INPUT", message, cause === undefined ? {} : { cause });
}

function parseRecord(line: string, file: string, number: number): DatasetRecord {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record === "object" && record !== null && !Array.isArray(record))
      return record as DatasetRecord;
  } catch {
    // said below
  }
  throw invalidData(`${file}: line ${String(number)} is no JSON object`);
}

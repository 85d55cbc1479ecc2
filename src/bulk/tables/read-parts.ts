import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { addAbortSignal } from "node:stream";

import type { OutputType } from "../../embedding-backend.js";
import { newVector } from "../reuse.js";
import { splitRawLines } from "../../utils/raw-lines.js";
import type { RecordHead } from "../writers/record-heads.js";
import type { TableRows } from "./table.js";

/** A row group holds about so much of either part: what readers like, and what fits into memory several times. */
const groupBytes = 16 * 1024 * 1024;

export interface PartsOptions {
  readonly records: string;
  readonly vectors: string;
  readonly outputType: OutputType;
  /** Numbers of a vector. */
  readonly vectorLength: number;
  readonly signal: AbortSignal;
}

/** Reads records and vectors back in groups that depend on nothing but what is in them. */
export async function* readParts(options: PartsOptions): AsyncGenerator<TableRows, void, undefined> {
  const { outputType, vectorLength, signal } = options;
  const rowBytes = newVector(outputType, vectorLength).byteLength;
  const vectors = await open(options.vectors, "r");
  try {
    let records: RecordHead[] = [];
    let bytes = 0;
    const group = async (): Promise<TableRows> => {
      const data = newVector(outputType, records.length * vectorLength);
      const target = new Uint8Array(data.buffer);
      for (let done = 0; done < target.length;) {
        const { bytesRead } = await vectors.read(target, done, target.length - done, null);
        if (bytesRead === 0) throw new Error(`${options.vectors} is shorter than its records`);
        done += bytesRead;
      }
      const rows = { records, vectors: data };
      records = [];
      bytes = 0;
      return rows;
    };
    for await (const lines of splitRawLines(addAbortSignal(signal, createReadStream(options.records)))) {
      for (const line of lines) {
        records.push(JSON.parse((line.bytes as Buffer).toString("utf8")) as RecordHead);
        bytes += line.end - line.start;
        if (bytes >= groupBytes || records.length * rowBytes >= groupBytes) yield await group();
      }
    }
    if (records.length > 0) yield await group();
  } finally {
    await vectors.close();
  }
}

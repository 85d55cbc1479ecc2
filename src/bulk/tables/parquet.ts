import { open } from "node:fs/promises";

import type { SchemaElement } from "hyparquet";
import type * as ParquetModule from "hyparquet-writer";

import type { OutputVector } from "../../embedding-backend.js";
import { loadPeer } from "../../utils/optional-peer.js";
import type { Kind } from "./kinds.js";
import { vectorColumn, type Column, type Table, type TableRows } from "./table.js";

/** Writes a Parquet file, one row group a time. Vectors are lists of FLOAT, or of INT32 with the width of their numbers. */
export async function writeParquet(file: string, table: Table): Promise<void> {
  const { ByteWriter, ParquetWriter } = await loadParquetWriter();
  const handle = await open(file, "w");
  try {
    const writer = new ByteWriter();
    const flush = async (): Promise<void> => {
      await handle.writeFile(writer.getBytes());
      writer.index = 0;
    };
    // Its `offset` counts on, whatever has been written out.
    const parquet = new ParquetWriter({ writer, schema: schemaOf(table), createdBy: "candle-embed" });
    for await (const rows of table.rows()) {
      await parquet.write({ columnData: columnData(table, rows), rowGroupSize: rows.records.length });
      await flush();
    }
    await parquet.finish();
    await flush();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function loadParquetWriter(): Promise<typeof ParquetModule> {
  return loadPeer("hyparquet-writer", "--format parquet", () => import("hyparquet-writer"));
}

function schemaOf(table: Table): SchemaElement[] {
  return [
    { name: "schema", num_children: table.columns.length + 1 },
    ...table.columns.map(scalar),
    { name: vectorColumn, repetition_type: "REQUIRED", num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "REQUIRED", ...numberType(table.vectorType) },
  ];
}

function scalar({ name, kind, nullable }: Column): SchemaElement {
  const types: Record<Kind, Pick<SchemaElement, "type" | "converted_type">> = {
    bool: { type: "BOOLEAN" },
    int: { type: "INT64" },
    double: { type: "DOUBLE" },
    string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  };
  return { name, repetition_type: nullable ? "OPTIONAL" : "REQUIRED", ...types[kind] };
}

function numberType(type: OutputVector): Pick<SchemaElement, "type" | "converted_type"> {
  if (type instanceof Float32Array) return { type: "FLOAT" };
  return { type: "INT32", converted_type: type instanceof Int8Array ? "INT_8" : "UINT_8" };
}

function columnData(
  { columns, vectorLength }: Table,
  { records, vectors }: TableRows,
): { name: string; data: unknown[] }[] {
  return [
    ...columns.map(({ name, kind, valueOf }) => ({
      name,
      data: records.map((record) => {
        const value = valueOf(record);
        return kind === "int" && value !== null ? BigInt(value as number) : value;
      }),
    })),
    {
      name: vectorColumn,
      data: records.map((_, row) =>
        Array.from(vectors.subarray(row * vectorLength, (row + 1) * vectorLength)),
      ),
    },
  ];
}

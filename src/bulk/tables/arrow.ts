import { open } from "node:fs/promises";
import { setImmediate as nextLoopTurn } from "node:timers/promises";

import type * as ArrowModule from "apache-arrow";
import type { DataType, RecordBatch, Schema } from "apache-arrow";

import type { OutputVector } from "../../embedding-backend.js";
import { loadPeer } from "../../utils/optional-peer.js";
import type { Kind } from "./kinds.js";
import { vectorColumn, type Table, type TableRows } from "./table.js";

export type Arrow = typeof ArrowModule;

export function loadArrow(): Promise<Arrow> {
  return loadPeer("apache-arrow", "--format arrow", () => import("apache-arrow"));
}

/** Writes an Arrow IPC file (Feather V2, uncompressed), one record batch a time. */
export async function writeArrow(file: string, table: Table): Promise<void> {
  const arrow = await loadArrow();
  const schema = arrowSchema(arrow, table);
  const handle = await open(file, "w");
  try {
    const writer = new arrow.RecordBatchFileWriter();
    const chunks = writer[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    // A table without rows has a schema too.
    writer.reset(undefined, schema);
    let pending: Promise<IteratorResult<Uint8Array>> | undefined;
    const flush = async (): Promise<void> => {
      for (;;) {
        pending ??= chunks.next();
        // What the writer holds is there before the next turn of the loop.
        const chunk = await Promise.race([pending, nextLoopTurn()]);
        if (chunk === undefined) return;
        pending = undefined;
        if (chunk.done === true) return;
        await handle.writeFile(chunk.value);
      }
    };
    for await (const rows of table.rows()) {
      writer.write(toRecordBatch(arrow, schema, table, rows));
      await flush();
    }
    writer.close();
    await flush();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The types of the columns; vectors are lists of a fixed size. */
export function arrowSchema(arrow: Arrow, table: Table): Schema {
  const { Bool, Field, FixedSizeList, Float64, Int64, Utf8 } = arrow;
  const types: Record<Kind, () => DataType> = {
    bool: () => new Bool(),
    int: () => new Int64(),
    double: () => new Float64(),
    string: () => new Utf8(),
  };
  const element = new Field("item", numberType(arrow, table.vectorType), false);
  return new arrow.Schema([
    ...table.columns.map(({ name, kind, nullable }) => new Field(name, types[kind](), nullable)),
    new Field(vectorColumn, new FixedSizeList(table.vectorLength, element), false),
  ]);
}

export function toRecordBatch(
  arrow: Arrow,
  schema: Schema,
  table: Table,
  { records, vectors }: TableRows,
): RecordBatch {
  const { makeData, RecordBatch, Struct, vectorFromArray } = arrow;
  const scalars = table.columns.map(({ kind, valueOf }, i) => {
    const values = records.map((record) => {
      const value = valueOf(record);
      return kind === "int" && value !== null ? BigInt(value as number) : value;
    });
    const [data] = vectorFromArray(values, schema.fields[i]?.type as DataType).data;
    return data;
  });
  const list = schema.fields.at(-1)?.type as InstanceType<Arrow["FixedSizeList"]>;
  const child = makeData({ type: list.children[0]?.type as never, length: vectors.length, data: vectors });
  const embedding = makeData({ type: list, length: records.length, child: child as never });
  const children = [...scalars, embedding];
  return new RecordBatch(
    schema,
    makeData({
      type: new Struct(schema.fields),
      length: records.length,
      nullCount: 0,
      children: children as never,
    }),
  );
}

function numberType({ Float32, Int8, Uint8 }: Arrow, type: OutputVector): DataType {
  if (type instanceof Float32Array) return new Float32();
  return type instanceof Int8Array ? new Int8() : new Uint8();
}

import { createRequire } from "node:module";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";

import type * as LanceModule from "@lancedb/lancedb";
import type { Table as LanceTable } from "@lancedb/lancedb";

import { loadPeer } from "../../utils/optional-peer.js";
import { arrowSchema, toRecordBatch, type Arrow } from "./arrow.js";
import type { Table } from "./table.js";

/** LanceDB, and the Arrow that it itself uses: it takes tables of no other copy for whole. */
export async function loadLance(): Promise<{ lancedb: typeof LanceModule; arrow: Arrow }> {
  const lancedb = await loadPeer("@lancedb/lancedb", "--format lance", () => import("@lancedb/lancedb"));
  const load = (): Arrow => createRequire(require.resolve("@lancedb/lancedb"))("apache-arrow") as Arrow;
  const arrow = await loadPeer("apache-arrow", "--format lance", async () => Promise.resolve(load()));
  return { lancedb, arrow };
}

const tableName = "table";

/**
 * Makes a Lance dataset, which is a folder, with LanceDB: a fragment for each group of rows. LanceDB opens
 * `<folder>/<name>.lance` as the table `name` of the database `folder`.
 */
export async function writeLance(folder: string, table: Table): Promise<void> {
  const { lancedb, arrow } = await loadLance();
  const schema = arrowSchema(arrow, table);
  const scratch = `${folder}.database`;
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  const database = await lancedb.connect(scratch);
  let lance: LanceTable | undefined;
  try {
    lance = await database.createEmptyTable(tableName, schema as never);
    for await (const rows of table.rows()) {
      const batch = toRecordBatch(arrow, schema, table, rows);
      await lance.add(new arrow.Table([batch]) as never);
    }
    // Without what each group left of the versions before it.
    await lance.optimize({ cleanupOlderThan: new Date() });
  } finally {
    lance?.close();
    database.close();
  }
  await rename(path.join(scratch, `${tableName}.lance`), folder);
  await rm(scratch, { recursive: true, force: true });
}

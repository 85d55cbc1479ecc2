import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { benches, root } from "../lib/paths.mjs";
import { page } from "../report/page.mjs";
import { shareOfPeak, speedAndMemory } from "../report/pictures.mjs";
import { readRecord } from "../report/records.mjs";
import { summaryTable, writeReadme } from "../report/summary.mjs";

/**
 * The record as one page, `report.html` beside it; the README's table and the pictures of the
 * documentation too where the record is one of this repository.
 *
 * @param {{ out: string }} options
 */
export function report({ out }) {
  const record = readRecord(out);
  mkdirSync(out, { recursive: true });
  writeFileSync(path.join(out, "report.html"), page(record));
  console.error(`- written: ${path.relative(process.cwd(), path.join(out, "report.html"))}`);
  if (record.get("throughput").length === 0) return;
  console.log(summaryTable(record, record.get("throughput")[0].model));
  if (path.dirname(out) !== path.join(benches, "record")) return;
  writeReadme(root, record);
  const figures = path.join(root, "docs/figures");
  writeFileSync(path.join(figures, "speed-and-memory.svg"), speedAndMemory(record));
  writeFileSync(path.join(figures, "share-of-peak.svg"), shareOfPeak(record));
}

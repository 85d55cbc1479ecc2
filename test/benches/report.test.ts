import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { compare } from "../../benches/report/compare.mjs";
import { page } from "../../benches/report/page.mjs";
import { readRecord } from "../../benches/report/records.mjs";
import { summaryTable, writeReadme } from "../../benches/report/summary.mjs";
import { exampleRecord } from "./record.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "bench-record-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function writeRecord(options?: Parameters<typeof exampleRecord>[0]): string {
  const target = mkdtempSync(path.join(folder, "record-"));
  for (const file of exampleRecord(options)) {
    writeFileSync(path.join(target, `${file.command}.json`), JSON.stringify(file));
  }
  return target;
}

test("the page needs nothing from elsewhere and names every engine, also those that took no part", () => {
  const html = page(readRecord(writeRecord({ note: "<script>alert(1)</script>" })));
  expect(html).not.toMatch(/\b(?:src|href)=|@import|url\(/);
  for (const name of ["candle-embed-f32", "onnxruntime-f32", "text-embeddings-inference"]) {
    expect(html).toContain(name);
  }
  expect(html).toContain("set &lt;BENCH_TEI_URL&gt; &amp;");
  expect(html).not.toContain("<script");
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
});

test("the table has one row an engine, with every figure there is", () => {
  const lines = summaryTable(readRecord(writeRecord()), "minilm").split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[2]).toBe("| **candle-embed-f32** | 1000 (2.00x) | 1.0000 | 1.00 | 100 | 150 |");
});

test("the README's table is written between its marks and nowhere else, and again", () => {
  const file = path.join(folder, "README.md");
  const marks = /^<!-- bench:begin.*-->$/m.exec(
    readFileSync(path.join(import.meta.dirname, "..", "..", "README.md"), "utf8"),
  )?.[0];
  writeFileSync(file, `before\n\n${marks ?? ""}\n<!-- bench:end -->\n\nafter\n`);
  const record = readRecord(writeRecord());
  writeReadme(folder, record);
  const once = readFileSync(file, "utf8");
  writeReadme(folder, record);
  expect(readFileSync(file, "utf8")).toBe(once);
  expect(once).toMatch(
    /^before\n\n<!-- bench:begin[^]*\*\*candle-embed-f32\*\*[^]*<!-- bench:end -->\n\nafter\n$/,
  );
});

test("a README without marks is left alone, with an error", () => {
  writeFileSync(path.join(folder, "README.md"), "text\n");
  expect(() => writeReadme(folder, readRecord(writeRecord()))).toThrow(/has no line <!-- bench:begin/);
  expect(readFileSync(path.join(folder, "README.md"), "utf8")).toBe("text\n");
});

test("a comparison is of ratios: what became slower beside the same peer is worse", () => {
  const before = writeRecord({ ours: 2 });
  expect(compare(before, writeRecord({ ours: 1.95 })).worse).toBe(false);
  const result = compare(before, writeRecord({ ours: 1.5 }));
  expect(result.worse).toBe(true);
  expect(result.text).toMatch(/short: texts\/s \| candle-embed-f32 \| 2\.00 \| 1\.50 \| -25\.0 % \| worse/);
  // Better is not worse.
  expect(compare(before, writeRecord({ ours: 4 })).worse).toBe(false);
});

test("a folder without a record says what writes one", () => {
  expect(() => readRecord(path.join(folder, "none"))).toThrow(/npm run bench/);
  expect(() => readRecord(folder)).toThrow(/no record/);
});

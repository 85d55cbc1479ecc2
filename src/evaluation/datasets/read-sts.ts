import path from "node:path";

import { checkPath } from "../check-arguments.js";
import type { StsDataset, StsPair } from "./dataset.js";
import {
  invalidData,
  numberField,
  readJsonLines,
  readLines,
  textField,
  type DatasetRecord,
} from "./read-records.js";

/**
 * A file of sentence pairs: JSON Lines (`score`, `sentence1`, `sentence2`), or lines with tabs: `score`, `sentence1` and
 * `sentence2`, with a head that names them or without, or the seven columns of the published `sts-test.csv`.
 *
 * @throws CandleEmbedError `INVALID_INPUT` where the file cannot be read, or a line is not of this form.
 */
export async function readStsFile(file: string, name?: string): Promise<StsDataset> {
  checkPath("a file of sentence pairs", file);
  const shown = name ?? path.basename(path.resolve(file));
  if (file.endsWith(".jsonl")) return toStsDataset(shown, await readJsonLines(file));
  const pairs: StsPair[] = [];
  let columns: readonly [score: number, first: number, second: number] | undefined;
  for await (const { line, number } of readLines(file)) {
    const cells = line.split("\t");
    if (columns === undefined) {
      const named = (["score", "sentence1", "sentence2"] as const).map((each) => cells.indexOf(each));
      const [score = -1, first = -1, second = -1] = named;
      columns = named.includes(-1) ? (cells.length >= 7 ? [4, 5, 6] : [0, 1, 2]) : [score, first, second];
      if (!named.includes(-1)) continue;
    }
    const [score, first, second] = columns.map((column) => cells[column]);
    const where = `${file}: line ${String(number)}`;
    if (first === undefined || second === undefined) {
      throw invalidData(`${where} is not a score and two sentences with tabs between them`);
    }
    pairs.push({ first, second, score: numberField(score, where) });
  }
  return withPairs(shown, pairs);
}

/** The records of a Parquet file. */
export function toStsDataset(name: string, records: readonly DatasetRecord[]): StsDataset {
  const where = `a pair of ${name}`;
  const pairs = records.map((record) => ({
    first: textField(record, "sentence1", where),
    second: textField(record, "sentence2", where),
    score: numberField(record["score"], where),
  }));
  return withPairs(name, pairs);
}

function withPairs(name: string, pairs: readonly StsPair[]): StsDataset {
  if (pairs.length < 2) throw invalidData(`${name} has ${String(pairs.length)} pairs; two are the least`);
  return { kind: "sts", name, pairs };
}

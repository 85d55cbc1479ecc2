import { existsSync, statSync } from "node:fs";
import path from "node:path";

import { describe } from "../../backends/check-options.js";
import { checkList } from "../check-arguments.js";
import type { Dataset } from "./dataset.js";
import { hubDatasetNames, openHubDataset, type DatasetOptions } from "./hub-datasets.js";
import { readBeirFolder } from "./read-beir.js";
import { invalidData } from "./read-records.js";
import { readStsFile } from "./read-sts.js";

/** What a folder of sentence pairs calls its test split. */
const stsFiles = ["test.tsv", "sts-test.csv", "sts-test.tsv", "test.jsonl"];

/** The names in place of the ones that stand for several: `nanobeir` is thirteen data sets. */
export function expandDatasetNames(names: readonly string[]): string[] {
  checkList("the names of data sets", names);
  const all = names.flatMap((name) =>
    name === "nanobeir" ? hubDatasetNames.filter((each) => each.startsWith("nanobeir/")) : [name],
  );
  return [...new Set(all)];
}

/**
 * Reads a data set: a folder of BEIR's form, a file (or a folder with the test split) of sentence pairs, or one of the hub
 * by name: `stsb`, `nanobeir/<name>`. What lies here comes before names.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what is neither; for the hub as `NativeBackend.load`.
 */
export async function openDataset(nameOrPath: string, options: DatasetOptions = {}): Promise<Dataset> {
  if (typeof nameOrPath === "string" && nameOrPath !== "" && existsSync(nameOrPath)) {
    const name = path.basename(path.resolve(nameOrPath));
    if (!statSync(nameOrPath).isDirectory()) return readStsFile(nameOrPath, name);
    const pairs = stsFiles.map((each) => path.join(nameOrPath, each)).find((file) => existsSync(file));
    return pairs === undefined ? readBeirFolder(nameOrPath, name) : readStsFile(pairs, name);
  }
  if (hubDatasetNames.includes(nameOrPath)) return openHubDataset(nameOrPath, options);
  throw invalidData(
    `there is no data set ${describe(nameOrPath)}: give a folder with corpus.jsonl, queries.jsonl and qrels/, a file ` +
      `of sentence pairs, or one of ${hubDatasetNames.join(", ")}`,
  );
}

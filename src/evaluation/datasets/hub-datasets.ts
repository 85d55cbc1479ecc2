import path from "node:path";

import type { DownloadProgress } from "../../hub/progress.js";
import type { HubOptions } from "../../hub/settings.js";
import type { Dataset } from "./dataset.js";
import { nanoBeirRepositories } from "./nano-beir.js";
import { toRetrievalDataset } from "./read-beir.js";
import { readParquet, type DatasetRecord } from "./read-records.js";
import { toStsDataset } from "./read-sts.js";

/** How a data set of the hub is fetched. */
export interface DatasetOptions extends HubOptions {
  /** Gives up the download. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how far the download has come. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

const stsBenchmark = "sentence-transformers/stsb";

/** The names of the data sets that are fetched from the hub; `nanobeir` stands for all of its thirteen. */
export const hubDatasetNames: readonly string[] = [
  "stsb",
  ...Object.keys(nanoBeirRepositories).map((name) => `nanobeir/${name}`),
];

/** Fetches a data set of {@link hubDatasetNames}, or takes it from the cache. */
export async function openHubDataset(name: string, options: DatasetOptions): Promise<Dataset> {
  if (name === "stsb") {
    const { test = [] } = await fetchParts(stsBenchmark, { test: /(?:^|\/)test[^/]*\.parquet$/ }, options);
    return toStsDataset(name, test);
  }
  const repository = nanoBeirRepositories[name.replace("nanobeir/", "")] ?? name;
  const parts = { documents: part("corpus"), queries: part("queries"), judgements: part("qrels") };
  const { documents = [], queries = [], judgements = [] } = await fetchParts(repository, parts, options);
  // sentence-transformers' NanoBEIREvaluator leaves empty texts out as well.
  const isFilled = ({ text }: DatasetRecord): boolean => text !== "";
  return toRetrievalDataset(name, {
    documents: documents.filter(isFilled),
    queries: queries.filter(isFilled),
    judgements,
  });
}

function part(folder: string): RegExp {
  return new RegExp(`^${folder}/[^/]*\\.parquet$`);
}

/** The records of each part, whose files are told by their names. */
async function fetchParts<Part extends string>(
  repository: string,
  patterns: Readonly<Record<Part, RegExp>>,
  { signal, onProgress, ...hub }: DatasetOptions,
): Promise<Partial<Record<Part, DatasetRecord[]>>> {
  const { fetchDataset, hubSettings } = await import("../../hub/index.js");
  const entries = Object.entries<RegExp>(patterns) as [Part, RegExp][];
  const { folder, files } = await fetchDataset({
    repository,
    settings: hubSettings(hub),
    choose: (names) => names.filter((name) => entries.some(([, pattern]) => pattern.test(name))),
    signal,
    onProgress,
  });
  const parts: Partial<Record<Part, DatasetRecord[]>> = {};
  for (const [name, pattern] of entries) {
    const records: DatasetRecord[] = [];
    for (const file of files.filter((each) => pattern.test(each)).sort()) {
      for (const record of await readParquet(path.join(folder, ...file.split("/")))) records.push(record);
    }
    parts[name] = records;
  }
  return parts;
}

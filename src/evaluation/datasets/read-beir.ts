import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

import { checkPath } from "../check-arguments.js";
import type { DatasetText, RetrievalDataset } from "./dataset.js";
import {
  invalidData,
  numberField,
  readJsonLines,
  readLines,
  textField,
  type DatasetRecord,
} from "./read-records.js";

/**
 * A folder as BEIR has them: `corpus.jsonl`, `queries.jsonl` (`_id`, `text`, and where there is one `title`) and
 * `qrels/<split>.tsv` or `qrels.tsv` (query, document, grade).
 *
 * @throws CandleEmbedError `INVALID_INPUT` where a file is missing or not of this form.
 */
export async function readBeirFolder(
  folder: string,
  name?: string,
  split?: string,
): Promise<RetrievalDataset> {
  checkPath("a folder of BEIR's form", folder);
  const corpus = path.join(folder, "corpus.jsonl");
  const queries = path.join(folder, "queries.jsonl");
  const missing = [corpus, queries].find((file) => !existsSync(file));
  if (missing !== undefined) throw invalidData(`${missing} is not there; a folder of BEIR's form has it`);
  return toRetrievalDataset(name ?? path.basename(path.resolve(folder)), {
    documents: await readJsonLines(corpus),
    queries: await readJsonLines(queries),
    judgements: await readQrels(findQrels(folder, split)),
  });
}

/** Puts a data set together from its records, however they were stored. */
export function toRetrievalDataset(
  name: string,
  records: Readonly<Record<"documents" | "queries" | "judgements", readonly DatasetRecord[]>>,
): RetrievalDataset {
  const judgements = new Map<string, Map<string, number>>();
  for (const record of records.judgements) {
    const where = `a judgement of ${name}`;
    const query = textField(record, "query-id", where);
    const document = textField(record, "corpus-id", where);
    // Where all that is listed is relevant, no grade is given.
    const grade = "score" in record ? numberField(record["score"], where) : 1;
    const grades = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, grades.set(document, grade));
  }
  const queries = toTexts(records.queries, `a query of ${name}`).filter(({ id }) => judgements.has(id));
  if (queries.length === 0) throw invalidData(`${name}: none of its queries has a judgement`);
  return {
    kind: "retrieval",
    name,
    queries,
    documents: toTexts(records.documents, `a document of ${name}`),
    judgements,
  };
}

function toTexts(records: readonly DatasetRecord[], where: string): DatasetText[] {
  const seen = new Set<string>();
  const texts: DatasetText[] = [];
  for (const record of records) {
    const id = textField(record, "_id", where);
    if (seen.has(id)) throw invalidData(`${where} has the id ${JSON.stringify(id)}, and so has another`);
    seen.add(id);
    const title = typeof record["title"] === "string" ? record["title"] : "";
    const text = `${title} ${textField(record, "text", where)}`.trim();
    texts.push({ id, text });
  }
  return texts;
}

/** `qrels/test.tsv`, the only file of `qrels/`, or `qrels.tsv`. */
function findQrels(folder: string, split: string | undefined): string {
  const below = path.join(folder, "qrels");
  const files = existsSync(below) ? readdirSync(below).filter((name) => name.endsWith(".tsv")) : [];
  const wanted = `${split ?? "test"}.tsv`;
  if (files.includes(wanted)) return path.join(below, wanted);
  const [only] = files;
  if (split === undefined && only !== undefined && files.length === 1) return path.join(below, only);
  const beside = path.join(folder, "qrels.tsv");
  if (split === undefined && existsSync(beside)) return beside;
  throw invalidData(`${path.join(below, wanted)} is not there, nor is another file that must be it`);
}

async function readQrels(file: string): Promise<DatasetRecord[]> {
  const records: DatasetRecord[] = [];
  for await (const { line, number } of readLines(file)) {
    const [query, document, score] = line.split("\t");
    if (number === 1 && !Number.isFinite(Number(score))) continue;
    if (score === undefined) {
      throw invalidData(
        `${file}: line ${String(number)} is not query, document and grade with tabs between them`,
      );
    }
    records.push({ "query-id": query, "corpus-id": document, score: score.trim() });
  }
  return records;
}

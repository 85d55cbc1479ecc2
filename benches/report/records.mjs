import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** What can be in a record, in the order of the page. */
const KINDS = ["throughput", "latency", "memory", "startup", "steady", "size", "micro", "scaling"];

/** @typedef {any} RecordFile what a command wrote as JSON */

/**
 * The files of a record: one folder, a file for each command and model (throughput: and workload).
 *
 * @param {string} folder
 * @returns {Map<string, RecordFile[]>} by command, minilm first, short before mixed before long
 */
export function readRecord(folder) {
  if (!existsSync(folder)) throw new Error(`${folder} is missing: npm run bench -- COMMAND writes it`);
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const records = files.map((name) => JSON.parse(readFileSync(path.join(folder, name), "utf8")));
  const found = new Map(KINDS.map((kind) => [kind, records.filter(({ command }) => command === kind)]));
  const place = ({ model, workload }) => [
    ["minilm", "base-shape", "static"].indexOf(model),
    ["short", "mixed", "long"].indexOf(workload?.name),
  ];
  for (const list of found.values()) {
    list.sort((a, b) => place(a)[0] - place(b)[0] || place(a)[1] - place(b)[1]);
  }
  if (records.length === 0) throw new Error(`there is no record in ${folder}`);
  return found;
}

/**
 * What is compared between machines and versions: figures as ratios to a peer in the same run.
 *
 * @param {Map<string, RecordFile[]>} record
 * @returns {{ what: string, engine: string, ours: boolean, ratio: number, lowerIsBetter: boolean }[]}
 */
export function ratios(record) {
  const rows = [];
  for (const { model, reference, workload } of record.get("throughput")) {
    for (const [engine, row] of Object.entries(workload.engines)) {
      if (row.ratioToReference === undefined || engine === reference) continue;
      rows.push({
        what: `${model}, ${workload.name}: texts/s`,
        engine,
        ours: row.ours,
        ratio: row.ratioToReference.median,
        lowerIsBetter: false,
      });
    }
  }
  const figures = { latency: "p50", memory: "rss", startup: "median" };
  const names = { latency: "one text, p50", memory: "memory", startup: "start to first vector" };
  for (const [kind, figure] of Object.entries(figures)) {
    for (const { model, engines, pause } of record.get(kind)) {
      const peer = engines.find(({ name }) => name === (model === "static" ? "model2vec-rs" : "onnxruntime-f32"));
      if (peer === undefined) continue;
      for (const row of engines) {
        if (row === peer) continue;
        rows.push({
          what: `${model}, ${names[kind]}${pause > 0 ? ` after ${pause} ms` : ""}`,
          engine: row.name,
          ours: row.name.startsWith("candle-embed"),
          ratio: row[figure] / peer[figure],
          lowerIsBetter: true,
        });
      }
    }
  }
  return rows;
}

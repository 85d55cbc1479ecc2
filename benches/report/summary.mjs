// The tables that the README quotes.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { number, table } from "../lib/report.mjs";

const BEGIN = "<!-- bench:begin, written by `npm run bench -- report` -->";
const END = "<!-- bench:end -->";

/** Engines in the README, which should not be longer than a screen or two; the documentation has all. */
const MOST_IN_README = 11;

/**
 * One row an engine: speed on each workload, exactness, one text, memory, start.
 *
 * @param {Map<string, any[]>} record
 * @param {string} model
 */
export const summaryTable = (record, model) => summary(record, model).text;

/** The same with the number of engines that `most` leaves out, the slowest. */
function summary(record, model, most = Infinity) {
  const sets = record.get("throughput").filter((file) => file.model === model);
  const one = (kind) => record.get(kind).find((file) => file.model === model && !(file.pause > 0));
  const latency = one("latency");
  const memory = one("memory");
  const startup = one("startup");
  const names = new Set(sets.flatMap(({ workload }) => Object.keys(workload.engines)));
  for (const file of [latency, memory, startup]) for (const { name } of file?.engines ?? []) names.add(name);
  const find = (file, name) => file?.engines.find((row) => row.name === name);
  const rows = [...names].map((name) => {
    const speeds = sets.map(({ workload }) => workload.engines[name]);
    return {
      name,
      order: speeds.find((row) => row !== undefined)?.textsPerSecond.median ?? 0,
      cells: [
        name.startsWith("candle-embed") ? `**${name}**` : name,
        ...speeds.map((row) =>
          row === undefined
            ? "-"
            : `${number(row.textsPerSecond.median)} (${number(row.ratioToReference?.median)}x)`,
        ),
        cosines(speeds),
        find(latency, name)?.p50.toFixed(2) ?? "-",
        round(find(memory, name)?.rss, 1e6),
        round(find(startup, name)?.median, 1),
      ],
    };
  });
  rows.sort((a, b) => b.order - a.order);
  const head = [
    "engine",
    ...sets.map(({ workload }) => `${workload.name}, texts/s`),
    "cosine, mean",
    "one text, ms",
    "memory, MB",
    "first vector, ms",
  ];
  const kept = rows.slice(0, most);
  return {
    text: table(
      head,
      kept.map(({ cells }) => cells),
    ),
    leftOut: rows.length - kept.length,
  };
}

const round = (value, unit) => (value === undefined ? "-" : (value / unit).toFixed(0));

/** The worst mean of the workloads. */
function cosines(speeds) {
  const means = speeds.filter((row) => row !== undefined).map((row) => row.cosine.mean);
  return means.length === 0 ? "-" : Math.min(...means).toFixed(4);
}

/**
 * Writes the table between the README's markers.
 *
 * @param {string} root
 * @param {Map<string, any[]>} record
 */
export function writeReadme(root, record) {
  const file = path.join(root, "README.md");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start === -1 || end < start) throw new Error(`${file} has no line ${BEGIN} before ${END}`);
  const { machine, threads } = record.get("throughput")[0];
  const { text: rows, leftOut } = summary(record, "minilm", MOST_IN_README);
  const others = leftOut === 0 ? "" : ` [${leftOut} slower ones](docs/performance.md)`;
  const body = [
    BEGIN,
    "",
    rows,
    "",
    `${machine.cpu}, ${threads} threads, Node ${machine.node}; candle-embed ${machine.version}.${others}`,
    "",
    END,
  ].join("\n");
  writeFileSync(file, text.slice(0, start) + body + text.slice(end + END.length));
}

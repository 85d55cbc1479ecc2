import { readFileSync } from "node:fs";

import { describeSettings, megabytes, number, percent } from "../lib/report.mjs";
import { bars, escape, htmlTable, lines } from "./charts.mjs";

const ours = (name) => name.startsWith("candle-embed");
const MODEL_NAMES = {
  minilm: "all-MiniLM-L6-v2",
  "base-shape": "a model of the shape of bge-base (random weights)",
  static: "a static model (Model2Vec)",
};

/**
 * The whole record as one file that needs no network.
 *
 * @param {Map<string, any[]>} record
 */
export function page(record) {
  const css = readFileSync(new URL("style.css", import.meta.url), "utf8");
  const first = [...record.values()].flat()[0];
  const sections = [
    ...record.get("throughput").map(throughput),
    ...record.get("latency").map(latency),
    ...record.get("memory").map(memory),
    ...record.get("startup").map(startup),
    ...record.get("steady").map(steady),
    ...record.get("size").map(size),
    ...record.get("micro").map(micro),
    ...record.get("scaling").map(scaling),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>candle-embed ${escape(first.machine.version)}: benchmarks</title>
<style>
${css}</style>
<h1>candle-embed ${escape(first.machine.version)}: speed, memory, start</h1>
<p>Measured by the authors of candle-embed, against each peer's own best setting. Ratios hold within one run; absolute figures
differ from machine to machine. How, and whom it favours: <code>benches/METHODOLOGY.md</code>.</p>
${sections.join("\n")}
${absent(record)}
</html>
`;
}

/** Where and when a file's figures were taken. */
function origin({ machine, threads, date, model, quick }) {
  return (
    `<p class="origin">${escape(MODEL_NAMES[model] ?? model)} · ${escape(machine.cpu)}, ${threads} threads · ` +
    `Node ${escape(machine.node)} · ${escape(date.slice(0, 10))} · ${escape((machine.commit ?? "").slice(0, 10))}` +
    `${quick ? " · <strong>a quick run, not for quoting</strong>" : ""}</p>`
  );
}

function throughput(file) {
  const { workload, reference } = file;
  const rows = Object.entries(workload.engines);
  const chart = (dtype) => {
    const chosen = rows.filter(([, row]) => row.dtype === dtype);
    if (chosen.length === 0) return "";
    return bars(
      chosen.map(([name, row]) => ({
        name,
        value: row.textsPerSecond.median,
        label: `${number(row.textsPerSecond.median)} texts/s`,
        note: row.ratioToReference === undefined ? undefined : `${number(row.ratioToReference.median)}x`,
        ours: row.ours,
      })),
      { title: `${dtype}, texts a second (and times ${reference})` },
    );
  };
  const details = htmlTable(
    ["engine", "texts/s, least to most", "share of the ceiling", "cosine mean", "least", "setting", "standard setting"],
    rows
      .sort(([, a], [, b]) => b.textsPerSecond.median - a.textsPerSecond.median)
      .map(([name, row]) => [
        name,
        `${number(row.textsPerSecond.min)} to ${number(row.textsPerSecond.max)}`,
        percent(row.share?.median),
        row.cosine.mean.toFixed(5),
        row.cosine.min.toFixed(5),
        describeSettings(row.settings),
        // The records of 0.1.0 began without.
        row.ours || row.standard === undefined
          ? "-"
          : `${describeSettings(row.standard.settings)}: ${number(row.standard.speed)} of that speed`,
      ]),
  );
  const steal = workload.rounds.map((round) => round.steal).filter((value) => value !== undefined);
  const mean = (workload.tokens / workload.texts).toFixed(0);
  return `<h2>Throughput, ${escape(workload.name)} texts (${mean} tokens each)</h2>
${origin(file)}
${chart("float32")}
${chart("int8")}
${details}
<p class="origin">${workload.texts} texts, ${workload.roundsUsed.length} of ${workload.rounds.length} rounds; the hypervisor took at most ${percent(Math.max(0, ...steal))} of a round.
${Object.entries(workload.partOnly)
  .map(([name, texts]) => `Only ${texts} texts: ${escape(name)}.`)
  .join(" ")}</p>`;
}

function latency(file) {
  return `<h2>One text a call</h2>
${origin(file)}
${bars(
  file.engines.map((row) => ({
    name: row.name,
    value: row.p50,
    label: `${row.p50.toFixed(2)} ms`,
    note: `p95 ${row.p95.toFixed(2)}`,
    ours: ours(row.name),
  })),
  { title: `${file.text.tokens} tokens, p50 of ${file.engines[0].calls} calls`, lowerIsBetter: true },
)}`;
}

function memory(file) {
  return `<h2>Memory of the process</h2>
${origin(file)}
${bars(
  file.engines.map((row) => ({
    name: row.name,
    value: row.rss,
    label: `${megabytes(row.rss)} MB`,
    note: `highest ${megabytes(row.peak)}`,
    ours: ours(row.name),
  })),
  { title: "Resident after the mixed file", lowerIsBetter: true },
)}`;
}

function startup(file) {
  return `<h2>Start of a process to its first vector</h2>
${origin(file)}
${bars(
  file.engines.map((row) => ({
    name: row.name,
    value: row.median,
    label: `${row.median.toFixed(0)} ms`,
    ours: ours(row.name),
  })),
  { title: `Warm files; Node alone takes ${file.nodeAlone.median.toFixed(0)} ms of it`, lowerIsBetter: true },
)}`;
}

function steady(file) {
  return `<h2>Ten thousand calls</h2>
${origin(file)}
${htmlTable(
  ["engine", "calls", "memory after warm-up, MB", "at the end, MB", "slope, KB per 1,000 calls", "event loop delay p99, ms"],
  file.engines.map((row) => [
    row.name,
    String(row.calls),
    megabytes(row.start),
    megabytes(row.end),
    (row.slope / 1e3).toFixed(1),
    row.delay.p99.toFixed(2),
  ]),
)}`;
}

function size(file) {
  return `<h2>Installed size</h2>
${origin(file)}
${bars(
  file.engines.map((row) => ({
    name: row.name,
    value: row.bytes,
    label: `${megabytes(row.bytes)} MB`,
    note: `${row.packages} packages`,
    ours: ours(row.name),
  })),
  { title: "With all dependencies, for this platform", lowerIsBetter: true },
)}`;
}

function micro(file) {
  return `<h2>The TypeScript path</h2>
${origin(file)}
${htmlTable(
  ["operation", "mean, ms", "p99, ms", "operations/s"],
  file.tasks.map((row) => [row.name, row.mean.toPrecision(3), row.p99.toPrecision(3), number(row.hertz)]),
)}`;
}

function scaling(file) {
  const series = (select) =>
    Object.entries(file.dtypes).map(([dtype, data]) => ({ name: dtype, points: select(data) }));
  const threads = Object.entries(file.dtypes).flatMap(([dtype, data]) =>
    data.threads.map((row) => [dtype, String(row.threads), number(row.textsPerSecond), row.speedUp.toFixed(2)]),
  );
  return `<h2>Scaling</h2>
${origin(file)}
${lines(
  series(({ lengths }) => lengths.map((row) => [row.tokens, row.tokensPerSecond])),
  { title: "Tokens a second against the length of the texts", x: "tokens a text", y: "tokens/s" },
)}
${lines(
  series(({ batches }) =>
    batches.filter(({ tokens }) => tokens === 16).map((row) => [row.batch, row.textsPerSecond]),
  ),
  { title: "Texts of 16 tokens a second against the texts of a call", x: "texts a call", y: "texts/s" },
)}
${htmlTable(["dtype", "threads", "texts/s (long)", "times one thread"], threads)}`;
}

/** Engines that took no part, each with its reason. */
function absent(record) {
  const reasons = new Map();
  for (const file of [...record.values()].flat()) {
    const all = { ...file.missing, ...file.workload?.excluded };
    for (const [name, reason] of Object.entries(all)) reasons.set(name, `${reason} (${file.command})`);
  }
  const items = [...reasons].map(
    ([name, reason]) => `<li><strong>${escape(name)}</strong>: ${escape(reason)}</li>`,
  );
  return items.length === 0 ? "" : `<h2>Took no part</h2><ul>${items.join("")}</ul>`;
}

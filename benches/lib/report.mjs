import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { root } from "./paths.mjs";

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const align = head.map((_, i) => (i === 0 ? "---" : "---:"));
  return [line(head), line(align), ...rows.map(line)].join("\n");
}

/** Three digits or so, as people read them. */
export function number(value) {
  if (!Number.isFinite(value)) return "-";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** @param {number} share */
export const percent = (share) => (Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "-");

/** @param {number} bytes */
export const megabytes = (bytes) => (bytes / 1e6).toFixed(0);

/** Settings as a reader would say them. */
export function describeSettings({ graph, file, batch, sorted = true }) {
  const name = (graph ?? file)?.replace(/^.*\/|\.(onnx|xml)$/g, "");
  const size = batch === undefined ? undefined : batch >= 1_000_000 ? "all at once" : `batch ${batch}`;
  return [name, size, sorted ? undefined : "file order"].filter(Boolean).join(", ") || "default";
}

/** What every record begins with. */
export function header(command, { model, threads, limit, quick, machine }) {
  return { command, date: new Date().toISOString(), model: model.name, threads, limit, quick, machine };
}

/** A line on where the figures are from. */
export function origin(machine, { threads, limit, model, quick }) {
  const isa = machine.flags.filter((flag) => /vnni|amx|dp|i8mm/.test(flag)).join(", ");
  return (
    `${model}, at most ${limit} tokens, ${threads} threads; ${machine.cpu}, ${machine.cpus} CPUs (${isa}), ` +
    `${machine.system}, Node ${machine.node}; candle-embed ${machine.version} at ${(machine.commit ?? "?").slice(0, 10)}` +
    (machine.changedFiles ? ` with ${machine.changedFiles} changed files` : "") +
    (quick ? ". **A quick run: for checking the harness, not for quoting.**" : "")
  );
}

/** @param {Record<string, Record<string, string>>} versions @param {Record<string, string>} missing */
export function notes(versions, missing) {
  const all = Object.assign({}, ...Object.values(versions));
  const lines = [
    `Versions: ${Object.entries(all)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
  ];
  for (const [name, reason] of Object.entries(missing)) lines.push(`Without ${name}: ${reason}.`);
  return lines.join("\n\n");
}

/** Writes NAME.json, files of the repository named from its root, and NAME.md, and prints the latter. */
export function write(folder, name, data, markdown) {
  mkdirSync(folder, { recursive: true });
  const relative = (_, value) =>
    typeof value === "string" && value.startsWith(root + path.sep) ? path.relative(root, value) : value;
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(data, relative, 1)}\n`);
  writeFileSync(path.join(folder, `${name}.md`), `${markdown}\n`);
  console.log(`\n${markdown}\n`);
  console.error(`- written to ${path.relative(process.cwd(), folder)}/${name}.{json,md}`);
}

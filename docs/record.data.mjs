import path from "node:path";
import { readFileSync } from "node:fs";

import { createMarkdownRenderer } from "vitepress";

import { megabytes, table } from "../benches/lib/report.mjs";
import { readRecord } from "../benches/report/records.mjs";
import { summaryTable } from "../benches/report/summary.mjs";
import { root } from "./.vitepress/repository.mjs";

const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const folder = path.join(root, "benches/record", version);

/** Tables of what the benchmarks have recorded for this version. */
export default {
  watch: [path.join(folder, "*.json")],
  async load() {
    const markdown = await createMarkdownRenderer(import.meta.dirname);
    const record = readRecord(folder);
    const { machine, threads } = record.get("throughput")[0];
    const sizes = record.get("size").flatMap(({ engines }) => engines);
    return {
      speed: markdown.render(
        `${summaryTable(record, "minilm")}\n\n${machine.cpu}, ${threads} threads, Node ${machine.node}; ` +
          `candle-embed ${machine.version}.`,
      ),
      size: markdown.render(
        table(
          ["package", "MB", "packages", "a model is in it"],
          sizes.map(({ name, bytes, packages, withModel }) => [
            name,
            megabytes(bytes),
            String(packages),
            withModel ? "yes" : "no",
          ]),
        ),
      ),
    };
  },
};

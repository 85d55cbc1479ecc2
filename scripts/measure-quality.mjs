// npm run bench:quality [-- MODEL_FOLDER...]: the complete quality suite, after a build.
//
// all-MiniLM-L6-v2 (its float32 weights, scripts/get-test-weights.mjs) on the STS benchmark and on Cranfield of the data folder
// ($CANDLE_EMBED_TEST_DATA, or shared/data beside the repository); it and the MODEL_FOLDERs on the recall scenarios; a sweep of
// it on Cranfield. Writes benches/record/<version>/quality.md, quality.json and quality-sweep.svg.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import path from "node:path";

import { getTestWeights } from "./get-test-weights.mjs";
import { root } from "./setup.mjs";

const data = process.env.CANDLE_EMBED_TEST_DATA ?? path.join(root, "../shared/data");
const weights = await getTestWeights();
const missing = weights.reason ?? (existsSync(data) ? undefined : `there is no data folder ${data}`);
if (missing !== undefined) {
  console.error(missing);
  process.exit(3);
}
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const record = path.join(root, "benches/record", version);
const scratch = mkdtempSync(path.join(tmpdir(), "candle-embed-quality-"));
const start = performance.now();

/** Runs one part of `candle-embed bench`, and gives its tables and its figures. */
function bench(title, ...args) {
  const main = path.join(root, "dist/cli/main.js");
  const save = path.join(scratch, "figures.json");
  const began = performance.now();
  const markdown = execFileSync(
    process.execPath,
    [main, "bench", ...args, "--markdown", "--save", save],
    // npm runs scripts in the repository's root; folders are meant relative to where the user stands.
    { cwd: process.env.INIT_CWD ?? process.cwd(), encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  );
  const seconds = (performance.now() - began) / 1000;
  console.log(`${title}: ${seconds.toFixed(0)} s\n\n${markdown}`);
  return { title, seconds, markdown, figures: JSON.parse(readFileSync(save, "utf8")) };
}

const both = ["--dtype", "float32,int8"];
const stsb = path.join(data, "stsb/test.tsv");
const cranfield = path.join(data, "cranfield");
const plot = path.join(scratch, "sweep.svg");
const parts = [
  bench("Data sets", "quality", ...both, "--data", stsb, "--data", cranfield, weights.path),
  bench("Recall scenarios", "recall", ...both, weights.path, ...process.argv.slice(2)),
  bench("Quantisation and shorter vectors", "sweep", "--data", cranfield, "--plot", plot, weights.path),
];
const seconds = ((performance.now() - start) / 1000).toFixed(0);
const machine = `${cpus()[0]?.model ?? "unknown CPU"}, ${availableParallelism()} CPUs, Node ${process.versions.node}`;
mkdirSync(record, { recursive: true });
const head = `# Quality\n\nWritten by \`npm run bench:quality\` (${machine}; ${seconds} s). Texts a second are those of this run.\n`;
const sections = parts.map(({ title, markdown }) => `\n## ${title}\n\n${markdown}`);
writeFileSync(path.join(record, "quality.md"), head + sections.join(""));
const figures = parts.map((part) => ({ title: part.title, seconds: part.seconds, figures: part.figures }));
writeFileSync(
  path.join(record, "quality.json"),
  `${JSON.stringify({ version, machine, parts: figures }, null, 1)}\n`,
);
writeFileSync(path.join(record, "quality-sweep.svg"), readFileSync(plot));
rmSync(scratch, { recursive: true });
console.log(`${seconds} s; written to ${path.relative(root, record)}`);

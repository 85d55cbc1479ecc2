// Loads an addon file as the package would, and compares its vectors with those that sentence-transformers gave.
//
//   node scripts/platforms/check-addon.mjs FILE [REPORT]
//
// Needs nothing but Node and the repository's files, so that it runs under emulators. REPORT: where to write the lines
// besides standard output, which an emulator may not have.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const fixtures = path.join(root, "test/fixtures");
const [file, report] = process.argv.slice(2);
const lines = [];

function say(line) {
  lines.push(line);
  if (report === undefined) console.log(`- ${line}`);
  else writeFileSync(report, `${lines.join("\n")}\n`);
}

const { loadModel } = createRequire(import.meta.url)(path.resolve(file));

/** Vectors of `texts`, row-major. */
async function embed(folder, texts, options = {}) {
  const embedder = await loadModel(folder, { threads: 2 });
  if ("code" in embedder) throw new Error(`${folder}: ${embedder.message}`);
  const job = embedder.startJob(options);
  job.push(texts);
  for (;;) {
    const step = await job.step(1000);
    if ("code" in step) throw new Error(`${folder}: ${step.message}`);
    if (step.result !== undefined) return step.result;
  }
}

function largestDifference(got, expected) {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i] - expected[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

function check(what, value, limit) {
  if (!(value <= limit)) throw new Error(`${what}: ${value.toExponential(1)} is more than ${limit}`);
  return value.toExponential(1);
}

say(
  `${process.platform}-${process.arch}, Node ${process.versions.node}, ${process.env.CANDLE_EMBED_ISA ?? "best"} kernels`,
);

let models = 0;
let worst = 0;
for (const name of readdirSync(fixtures).filter((entry) => entry.endsWith(".expected.json"))) {
  const folder = path.join(fixtures, name.replace(".expected.json", ""));
  const { texts, cases } = JSON.parse(readFileSync(path.join(fixtures, name), "utf8"));
  const plain = cases.find((entry) => entry.prompt_name === null);
  if (plain === undefined) continue;
  const { data, dimensions } = await embed(folder, texts);
  if (plain.dimensions !== dimensions) continue;
  const expected = plain.vectors.flat();
  const scale = Math.max(1, ...expected.map(Math.abs));
  worst = Math.max(worst, largestDifference(data, expected) / scale);
  models++;
}
say(`${models} float32 models: largest difference ${check("float32", worst, 2e-6)}`);

const texts = JSON.parse(readFileSync(path.join(fixtures, "texts.json"), "utf8"));
const plain = texts
  .map(({ text }, index) => ({ text, index }))
  .filter(({ text }) => typeof text === "string");
const bytes = readFileSync(path.join(fixtures, "all-MiniLM-L6-v2.f32"));
const reference = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const { data, dimensions } = await embed(
  path.join(root, "models/all-MiniLM-L6-v2"),
  plain.map(({ text }) => text),
);
let least = 1;
for (const [row, { index }] of plain.entries()) {
  let dot = 0;
  for (let i = 0; i < dimensions; i++) dot += data[row * dimensions + i] * reference[index * dimensions + i];
  least = Math.min(least, dot);
}
say(`all-MiniLM-L6-v2 int8, ${plain.length} texts: cosine to float32 at least ${least.toFixed(4)}`);
check("1 - cosine", 1 - least, 0.004);

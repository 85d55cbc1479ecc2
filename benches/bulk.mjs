// npm run bench:bulk -- [--model NAME] [--texts N] [--format f32] [--data DIR] [--dedupe]
//
// How much of the throughput of calls in one process `candle-embed embed` keeps from a file to a file, and whether its
// memory grows with the input. The calls and the command run in turns, on the same texts; the ratio is that of the medians.
import { spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { parseArgs } from "node:util";

import { root } from "./lib/paths.mjs";
import { median } from "./lib/stats.mjs";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    texts: { type: "string", default: "1000000" },
    compared: { type: "string", default: "20000" },
    rounds: { type: "string", default: "3" },
    format: { type: "string", default: "f32" },
    data: { type: "string", default: path.join(root, "..", "shared", "data", "texts") },
    dedupe: { type: "boolean", default: false },
  },
});
const model = values.model === undefined ? [] : ["--model", values.model];
const main = path.join(root, "dist/cli/main.js");
const texts = readFileSync(path.join(values.data, "short.txt"), "utf8").trimEnd().split("\n");
const folder = await mkdtemp(path.join(tmpdir(), "candle-embed-bench-"));

/** A JSONL file of so many short texts, in turns, each with an id. */
async function corpus(count) {
  const file = path.join(folder, `${count}.jsonl`);
  const stream = createWriteStream(file);
  for (let i = 0; i < count; i++) {
    const line = `${JSON.stringify({ id: `d${i}`, text: texts[i % texts.length] })}\n`;
    if (!stream.write(line)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  await new Promise((resolve) => stream.end(resolve));
  return file;
}

/** Seconds of calls in a process that has the texts in memory: the model is loaded, and warm. */
function inProcess(count) {
  const program = `
    import { NativeBackend } from "candle-embed";
    import { readFileSync } from "node:fs";
    const source = readFileSync(process.argv[2], "utf8").trimEnd().split("\\n");
    const texts = Array.from({ length: ${count} }, (_, i) => source[i % source.length]);
    const model = await NativeBackend.load(process.argv[1] || undefined);
    await model.embedDocuments(texts.slice(0, 512));
    const start = performance.now();
    for (let at = 0; at < texts.length; at += 8192) await model.embedDocuments(texts.slice(at, at + 8192));
    console.log((performance.now() - start) / 1000);
    await model.dispose();`;
  const args = [
    "--input-type=module",
    "--eval",
    program,
    values.model ?? "",
    path.join(values.data, "short.txt"),
  ];
  return run(args).then(({ stdout, cpu }) => ({ seconds: Number(stdout), cpu }));
}

/** Runs the command; the seconds are those it says itself, from the loaded model to the last vector written. */
async function command(file, count) {
  const output = path.join(folder, `vectors-${count}.${values.format}`);
  const flags = values.dedupe ? [] : ["--no-dedupe"];
  const args = [main, "embed", "--file", file, "--output", output, "--no-text", ...model, ...flags];
  const samples = [];
  const started = performance.now();
  const result = await run(args, (pid) => {
    samples.push({ at: (performance.now() - started) / 1000, rss: residentBytes(pid) });
  });
  const { size } = await stat(output);
  await rm(output);
  const rate = Number(/\(([\d,.]+) texts\/s/.exec(result.stderr)[1].replaceAll(",", ""));
  return { seconds: count / rate, cpu: result.cpu, samples, size };
}

function run(args, sample) {
  return new Promise((resolve, reject) => {
    const hook = path.join(root, "benches/lib/cpu-at-exit.cjs");
    const stdio = ["ignore", "pipe", "pipe", "pipe"];
    const child = spawn(process.execPath, ["--require", hook, ...args], { cwd: root, stdio });
    let [stdout, stderr, cpu] = ["", "", ""];
    child.stdio[3].setEncoding("utf8").on("data", (text) => (cpu += text));
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    const timer = sample && setInterval(() => sample(child.pid), 1000);
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(timer);
      if (code === 0) resolve({ stdout, stderr, cpu: Number(cpu) / 1e6 });
      else reject(new Error(stderr));
    });
  });
}

/** Resident memory of a process; only Linux tells. */
function residentBytes(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
  } catch {
    return NaN;
  }
}

/** Megabytes per million texts that a line through the second half of the samples rises by. */
function slope(samples, count) {
  const half = samples.filter(({ rss }) => Number.isFinite(rss)).slice(Math.floor(samples.length / 2));
  const mean = (pick) => half.reduce((sum, each) => sum + pick(each), 0) / half.length;
  const [at, rss] = [mean((each) => each.at), mean((each) => each.rss)];
  const rise =
    half.reduce((sum, each) => sum + (each.at - at) * (each.rss - rss), 0) /
    half.reduce((sum, each) => sum + (each.at - at) ** 2, 0);
  const textsPerSecond = count / samples.at(-1).at;
  return (rise / 1e6 / textsPerSecond) * 1e6;
}

try {
  const [compared, all] = [Number(values.compared), Number(values.texts)];
  const file = await corpus(compared);
  const calls = [];
  const commands = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    calls.push(await inProcess(compared));
    commands.push(await command(file, compared));
    const [call, bulk] = [calls.at(-1), commands.at(-1)];
    console.log(
      `round ${round + 1}: calls ${call.seconds.toFixed(2)} s (${call.cpu.toFixed(2)} s of processors), ` +
        `command ${bulk.seconds.toFixed(2)} s (${bulk.cpu.toFixed(2)} s)`,
    );
  }
  const ratio = (pick) => ((median(calls.map(pick)) / median(commands.map(pick))) * 100).toFixed(1);
  console.log(
    `${compared} texts: ${ratio((each) => each.seconds)} % of the throughput of calls in the process`,
  );
  // What it would be where all processors are busy; others that work on the machine do not change it.
  console.log(`texts a second of processor time, start and load included: ${ratio((each) => each.cpu)} %`);
  if (all > 0) {
    const { seconds, samples, size } = await command(await corpus(all), all);
    const rss = samples.map((each) => each.rss / 1e6).filter(Number.isFinite);
    console.log(
      `${all} texts: ${seconds.toFixed(0)} s, ${(size / 1e6).toFixed(0)} MB written; resident memory ` +
        `${rss[Math.floor(rss.length / 2)].toFixed(0)} MB half way, ${rss.at(-1).toFixed(0)} MB at the end, ` +
        `${Math.max(...rss).toFixed(0)} MB at most; in the second half ${slope(samples, all).toFixed(1)} MB per million texts`,
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

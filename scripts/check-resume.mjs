// node scripts/check-resume.mjs [--texts 100000] [--kills 20] [--format jsonl] [--model test/fixtures/tiny-bert-mean]
//
// Kills a bulk run at random moments and runs the same command again, until it ends by itself; then compares the output
// with that of a run that nobody disturbed. Exit code 1 when a byte differs. A tenth of a per cent of the lines is broken.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    texts: { type: "string", default: "100000" },
    kills: { type: "string", default: "20" },
    format: { type: "string", default: "jsonl" },
    model: { type: "string", default: "test/fixtures/tiny-bert-mean" },
  },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const kills = Number(values.kills);
const folder = await mkdtemp(path.join(tmpdir(), "candle-embed-resume-"));
const input = path.join(folder, "corpus.jsonl");
const lines = Array.from({ length: Number(values.texts) }, (_, i) =>
  i % 1000 === 500
    ? `{"id": ${i}, broken`
    : JSON.stringify({ id: i, text: `text ${i} of a corpus with ${i % 7} sorts`, even: i % 2 === 0 }),
);
writeFileSync(input, `${lines.join("\n")}\n`);

const outputOf = (name) => path.join(folder, `${name}.${values.format}`);

/** Runs the command, to its end or so many milliseconds. */
function embed(output, killAfter) {
  const args = ["dist/cli/main.js", "embed", "--file", input, "--output", output, "--model", values.model];
  const child = spawn(process.execPath, [...args, "--no-dedupe"], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || signal === "SIGKILL") resolve({ ended: code === 0, stderr });
      else reject(new Error(stderr));
    });
  });
}

async function hashOf(file) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}

/** Rows that the journal knows of. */
function committed(output) {
  try {
    const entries = readFileSync(`${output}.journal`, "utf8").split("\n").slice(1, -1);
    return JSON.parse(entries.at(-1) ?? "{}").rows ?? 0;
  } catch {
    return 0;
  }
}

try {
  const started = performance.now();
  await embed(outputOf("whole"));
  const duration = performance.now() - started;
  let lost = 0;
  let ended = false;
  let done = 0;
  for (; done < kills && !ended; done++) {
    const before = committed(outputOf("killed"));
    // Loading takes a part of each run, so that runs are a little longer than their share of the whole.
    const result = await embed(outputOf("killed"), 150 + Math.random() * ((2 * duration) / kills));
    const resumed = /going on after ([\d,]+) texts/.exec(result.stderr)?.[1].replaceAll(",", "");
    if (resumed !== undefined) lost += before - Number(resumed);
    ended = result.ended;
  }
  if (!ended) await embed(outputOf("killed"));
  const same =
    (await hashOf(outputOf("whole"))) === (await hashOf(outputOf("killed"))) &&
    (await hashOf(`${outputOf("whole")}.errors.jsonl`)) ===
      (await hashOf(`${outputOf("killed")}.errors.jsonl`));
  console.log(`${values.texts} texts as ${values.format}: undisturbed ${(duration / 1000).toFixed(1)} s`);
  console.log(`killed ${ended ? done - 1 : done} times; committed texts that were done again: ${lost}`);
  console.log(same ? "output and errors are identical" : "DIFFERENT");
  process.exitCode = same ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

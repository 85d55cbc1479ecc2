// node worker.mjs
//
// Takes jobs from the queue, one at a time, and lets "candle-embed embed" do each: one process uses all CPUs of a machine.
// Start one on every machine; they need the corpus and the output folder under the same paths. A job whose worker died is
// given to another one, which goes on where the journal beside the output ends.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";

import { Worker } from "bullmq";

import { connection, queueName } from "./connection.mjs";

const packageFile = createRequire(import.meta.url).resolve("candle-embed/package.json");
const command = path.join(path.dirname(packageFile), "dist/cli/main.js");

let running;

/** Does one job; what it wrote last on stderr is what a failure is told by. */
function embed({ data: { file, output, shard, options } }) {
  const args = [command, "embed", "--file", file, "--output", output, "--shard", shard, ...options];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "pipe"] });
  running = child;
  let last = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    process.stderr.write(text);
    last = text.trim().split("\n").at(-1) ?? last;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running = undefined;
      if (code === 0) resolve(last);
      else reject(new Error(last || `ended with ${code ?? signal}`));
    });
  });
}

// So long after its worker's last sign of life, a job is given to another one.
const lockDuration = Number(process.env.LOCK_MS ?? 30_000);
const worker = new Worker(queueName, embed, {
  connection,
  concurrency: 1,
  lockDuration,
  stalledInterval: lockDuration,
  // As often a job may lose its worker; the work that is done is not lost.
  maxStalledCount: 100,
});
worker.on("completed", (job) => console.log(`${job.name}: done`));
worker.on("failed", (job, error) => console.log(`${job?.name}: ${error.message}`));
worker.on("error", (error) => console.error(error.message));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    // The command stops after its batch; its job fails, and is tried again elsewhere.
    running?.kill("SIGTERM");
    void worker.close().then(() => process.exit(0));
  });
}

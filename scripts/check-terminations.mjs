// Terminates worker threads in the middle of a call, after a random time, and counts the processes that it took with it.
//
//   node scripts/check-terminations.mjs [--count 500] [--nodes 20,22,24]
//
// Fifty workers a process, five at once; afterwards the process has to compute a right vector and end by itself.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { getNode } from "./get-node.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: { count: { type: "string", default: "500" }, nodes: { type: "string", default: "20,22,24" } },
});

/** Prints how many workers were in a call when they were terminated. */
const program = `
  import { once } from "node:events";
  import { Worker } from "node:worker_threads";
  import { setTimeout as sleep } from "node:timers/promises";
  import { NativeBackend } from "candle-embed";

  const code = \`
    const { parentPort } = require("node:worker_threads");
    const { NativeBackend } = require(${JSON.stringify(root)});
    NativeBackend.load().then((backend) => {
      backend.embed(Array(2000).fill("a text that keeps the engine busy for a while"))
        .then(() => parentPort.postMessage("done"));
      parentPort.postMessage("working");
    });
  \`;
  const [count] = process.argv.slice(-1).map(Number);
  let terminated = 0;
  const one = async () => {
    const worker = new Worker(code, { eval: true, execArgv: [] });
    let done = false;
    worker.on("message", (message) => (done = message === "done"));
    await once(worker, "message");
    await sleep(Math.random() * 100);
    if (!done) terminated++;
    await worker.terminate();
  };
  for (let left = count; left > 0; left -= 5) await Promise.all(Array.from({ length: Math.min(5, left) }, one));
  const backend = await NativeBackend.load();
  const [a, b] = await backend.embed(["alive", "alive"]);
  if (!a.every((value, index) => value === b[index])) throw new Error("another vector");
  console.log(terminated);
`;

let crashes = 0;
for (const version of values.nodes.split(",")) {
  const { node, reason } = await getNode(version);
  if (reason !== undefined) throw new Error(reason);
  let terminated = 0;
  let processes = 0;
  for (let left = Number(values.count); left > 0; left -= 50) {
    const args = ["--input-type=module", "--eval", program, String(Math.min(50, left))];
    const { status, signal, stdout, stderr } = spawnSync(node, args, {
      cwd: root,
      encoding: "utf8",
      timeout: 300_000,
    });
    processes++;
    if (status === 0 && stderr === "") {
      terminated += Number(stdout);
    } else {
      crashes++;
      console.log(`  code ${status}, signal ${signal}: ${stderr.slice(-500)}`);
    }
  }
  console.log(
    `- Node ${version}: ${terminated} of ${values.count} workers terminated in a call, ${processes} processes`,
  );
}
console.log(`${crashes} crashes`);
process.exitCode = crashes === 0 ? 0 : 1;

// Ends processes with work pending, in eight ways, in three versions of Node, and counts those that did not end as they have to.
//
//   node scripts/check-exits.mjs [--rounds 50] [--nodes 20,22,24]
//
// Ends with code 1 where one did not.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { exitWays } from "./exit-ways.mjs";
import { getNode } from "./get-node.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: { rounds: { type: "string", default: "50" }, nodes: { type: "string", default: "20,22,24" } },
});

/** Runs a program to its end; gives what is wrong with how it ended, if anything. */
function endOnce(node, { program, end, stdout, kill }) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, ["--input-type=module", "--eval", program], {
      cwd: root,
      stdio: ["ignore", "pipe", "ignore"],
    });
    // 60 ticks, not a clock's minute: of a machine that stood still in between, or that stopped these processes, few have passed.
    let ticks = 0;
    const hangs = setInterval(() => {
      if (++ticks === 60) child.kill("SIGKILL");
    }, 1000);
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (printed += text));
    if (kill !== undefined) child.stdout.once("data", () => child.kill(kill));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearInterval(hangs);
      const right =
        code === end.code && signal === end.signal && (stdout === undefined || printed === stdout);
      resolve(right ? undefined : `code ${code}, signal ${signal}, printed ${JSON.stringify(printed)}`);
    });
  });
}

let exits = 0;
let wrong = 0;
for (const version of values.nodes.split(",")) {
  const { node, reason } = await getNode(version);
  if (reason !== undefined) throw new Error(reason);
  for (const way of exitWays.filter(({ pending }) => pending)) {
    const begin = performance.now();
    const found = [];
    for (let round = 0; round < Number(values.rounds); round++) found.push(await endOnce(node, way));
    const failures = found.filter((failure) => failure !== undefined);
    exits += found.length;
    wrong += failures.length;
    const each = ((performance.now() - begin) / found.length).toFixed(0);
    console.log(
      `- Node ${version}, ${way.name}: ${found.length} ends, ${failures.length} wrong, ${each} ms each`,
    );
    for (const failure of failures.slice(0, 3)) console.log(`  ${failure}`);
  }
}
console.log(`${exits} exits with work pending, ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;

// Programs that end with work under way on the device, in the ways that programs end.
import { spawn } from "node:child_process";
import path from "node:path";

import { exitWays } from "../../../scripts/exit-ways.mjs";
import { root } from "../vectors.mjs";

/** @param {{ device: string, results: import("../results.mjs").Results }} suite */
export async function exits({ device, results }) {
  const model = path.join(root, "models/all-MiniLM-L6-v2");
  const load = `NativeBackend.load(${JSON.stringify(model)}, { device: ${JSON.stringify(device)} })`;
  for (const way of exitWays) {
    const program = way.program.replaceAll("NativeBackend.load()", load);
    await results.check(`exit, ${way.name}`, () => endOnce({ ...way, program }));
  }
  const end = { code: 0, signal: null };
  await results.check("exit, after ten workers were terminated in a call", () =>
    endOnce({ program: workers(load), end, stdout: "1\n" }),
  );
}

/** Ten workers with a model each, two at a time; the program itself goes on computing. */
function workers(load) {
  const worker = `
    const { parentPort } = require("node:worker_threads");
    const { NativeBackend } = require(${JSON.stringify(root)});
    ${load}.then((backend) => {
      void backend.embed(Array(3000).fill("a text that keeps the engine busy for a while"));
      parentPort.postMessage("working");
    });`;
  return `
    import { once } from "node:events";
    import { Worker } from "node:worker_threads";
    import { setTimeout as sleep } from "node:timers/promises";
    import { NativeBackend } from "candle-embed";
    const one = async (after) => {
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] });
      await once(worker, "message");
      await sleep(after);
      await worker.terminate();
    };
    for (let i = 0; i < 10; i += 2) await Promise.all([one(7 * i), one(11 * i)]);
    const backend = await ${load};
    console.log((await backend.embed("a")).count);
    await backend.dispose();`;
}

function endOnce({ program, end, stdout, kill }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const hangs = setTimeout(() => child.kill("SIGKILL"), 120_000);
    let [printed, said] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (printed += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    if (kill !== undefined) child.stdout.once("data", () => child.kill(kill));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(hangs);
      const isRight =
        code === end.code && signal === end.signal && (stdout === undefined || printed === stdout);
      if (isRight) resolve(undefined);
      else
        reject(
          new Error(
            `code ${code}, signal ${signal}, printed ${JSON.stringify((printed + said).slice(-400))}`,
          ),
        );
    });
  });
}

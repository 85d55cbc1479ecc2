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

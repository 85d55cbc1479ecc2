import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { cache, root } from "./paths.mjs";

/**
 * Runs a command to its end.
 *
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 */
export async function step(title, command, args, { cwd = root, env } = {}) {
  console.error(`- ${title}`);
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => (output = (output + text).slice(-20_000)));
  }
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`${title}: ended with ${code}\n${output}`);
  return output;
}

/**
 * Does `work` unless it was done for the same content of `file` before.
 *
 * @param {string} file
 * @param {string} stampName
 * @param {() => boolean} done
 * @param {() => Promise<unknown>} work
 */
export async function oncePer(file, stampName, done, work) {
  const stamp = path.join(cache, stampName);
  const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
  if (done() && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  await work();
  mkdirSync(cache, { recursive: true });
  writeFileSync(stamp, hash);
}

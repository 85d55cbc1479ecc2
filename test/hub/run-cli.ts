import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";

import { finished, root, type Finished } from "../native/support.js";

/** Starts the command line with these variables besides those that find programs. */
export function startCliWith(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, [path.join(root, "dist/cli/main.js"), ...args], {
    cwd: root,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export function runCliWith(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Finished> {
  return finished(startCliWith(args, env));
}

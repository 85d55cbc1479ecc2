import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import path from "node:path";

import { finished, root, tinyModel, type Finished } from "../native/support.js";

export { root, temporaryFolder, tinyModel } from "../native/support.js";

const main = path.join(root, "dist/cli/main.js");

/** Starts the command line in the repository's root, with these variables besides those there are. */
export function startCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [main, ...args], { cwd: root, env: { ...process.env, ...env } });
  // A program that needs no input may be gone before it is written.
  child.stdin.on("error", () => undefined);
  return child;
}

/** Runs the command line with this on its standard input. */
export function runCli(args: readonly string[], input: string | Uint8Array = ""): Promise<Finished> {
  const child = startCli(args);
  child.stdin.end(input);
  return finished(child);
}

/** Runs a shell line in which `cli` is the command line. */
export function runShell(line: string): Promise<Finished> {
  const cli = `"${process.execPath}" "${main}"`;
  return finished(spawn("bash", ["-o", "pipefail", "-c", `cli() { ${cli} "$@"; }; ${line}`], { cwd: root }));
}

/** A command with the tiny model, which loads quickly. */
export function withTinyModel(...args: string[]): string[] {
  return [...args, "--model", tinyModel];
}

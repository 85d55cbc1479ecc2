import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, readdirSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import path from "node:path";

import { finished, root, temporaryFolder, type Finished } from "../native/support.js";

/** A folder with the pages of docs/, without what is installed and made there. */
export function folderOfPages(): string {
  const folder = temporaryFolder();
  for (const name of readdirSync(path.join(root, "docs"))) {
    if (/^[a-z-]+\.md$/.test(name)) cpSync(path.join(root, "docs", name), path.join(folder, name));
  }
  return folder;
}

const examples = path.join(root, "examples");

/** Starts a program of examples/, as it stands. */
export function startExample(
  program: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(process.execPath, [path.join(examples, program), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export function runExample(...args: Parameters<typeof startExample>): Promise<Finished> {
  return finished(startExample(...args));
}

/** A port for a program that takes no 0 for any. */
export async function freePort(): Promise<string> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

/** The first line that a program prints. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end !== -1) resolve(text.slice(0, end));
    });
    let problems = "";
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (problems += chunk));
    child.on("close", (code) => {
      reject(new Error(`ended with ${String(code)}: ${problems}`));
    });
  });
}

import { createInterface } from "node:readline";
import { afterAll } from "vitest";

import { startCli } from "../cli/support.js";

/** A server of the command line on a free port, ready, and gone after the tests. */
export async function startServer(...args: string[]): Promise<string> {
  const child = startCli(["serve", "--port", "0", "--json", ...args]);
  afterAll(async () => {
    if (child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await exited;
  });
  let url = "";
  for await (const line of createInterface({ input: child.stderr })) {
    const { event, url: told } = JSON.parse(line) as { event: string; url?: string };
    if (event === "listening") url = told as string;
    if (event === "model_ready") break;
  }
  child.stderr.resume();
  return url;
}

import { createInterface } from "node:readline";

import { startCli } from "../cli/support.js";

/** A server of the command line that runs. */
export interface StartedServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Starts a server on a free port and waits until it is ready. */
export async function startServer(...args: string[]): Promise<StartedServer> {
  const child = startCli(["serve", "--port", "0", "--json", ...args]);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let url = "";
  for await (const line of createInterface({ input: child.stderr })) {
    const { event, url: told } = JSON.parse(line) as { event: string; url?: string };
    if (event === "listening") url = told as string;
    if (event === "model_ready") break;
  }
  child.stderr.resume();
  return {
    url,
    stop: () => {
      child.kill();
      return exited;
    },
  };
}

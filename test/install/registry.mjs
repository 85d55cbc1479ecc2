// A registry of this machine's own: candle-embed's packages as they would be published, everything else from where npm
// gets it.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { run } from "./process.mjs";
import { toolNode } from "./tools.mjs";

/**
 * Starts verdaccio on a free port of 127.0.0.1.
 *
 * @param {string} tools The `node_modules` with it.
 * @param {string} folder Where it keeps what it has.
 * @returns {Promise<{ url: string, npmrc: string, stop: () => Promise<void> }>} npmrc: lines that make a project use it.
 */
export async function startRegistry(tools, folder) {
  mkdirSync(folder, { recursive: true });
  const uplink = (await run("npm", ["config", "get", "registry"])).trim();
  const port = await freePort();
  const config = {
    storage: path.join(folder, "storage"),
    uplinks: { other: { url: uplink, timeout: "120s", maxage: "60m" } },
    packages: {
      "candle-embed": { access: "$all", publish: "$all" },
      "@candle-embed/*": { access: "$all", publish: "$all" },
      "**": { access: "$all", proxy: "other" },
    },
    // Addons are larger than what verdaccio takes by default.
    max_body_size: "200mb",
    log: { type: "stdout", format: "pretty", level: "error" },
  };
  const file = path.join(folder, "config.yaml");
  writeFileSync(file, JSON.stringify(config));
  const program = path.join(tools, "verdaccio/bin/verdaccio");
  const child = spawn(toolNode(tools), [program, "--config", file, "--listen", `127.0.0.1:${port}`], {
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill();
    await ended;
  };
  const url = `http://127.0.0.1:${port}/`;
  try {
    await answering(`${url}-/ping`, child);
  } catch (error) {
    await stop();
    throw error;
  }
  // Everybody may publish, but npm does not try without a token.
  return { url, npmrc: `registry=${url}\n//127.0.0.1:${port}/:_authToken=nobody\n`, stop };
}

async function answering(url, child) {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`verdaccio ended with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error("verdaccio did not answer in 30 s");
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

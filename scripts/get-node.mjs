// Nodes of other versions than the one that runs, from npm.
import { execFile } from "node:child_process";
import { access, mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** With SQLite: for the tests of the vector cache where the Node that runs them has none. */
const VERSION = "24";

/**
 * The path of a Node that has `node:sqlite`, or why there is none.
 *
 * @returns {Promise<{ node: string, reason?: undefined } | { node?: undefined, reason: string }>}
 */
export async function getNodeWithSqlite() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 13)) return { node: process.execPath };
  return getNode(VERSION);
}

/**
 * The path of the newest Node of a major version, or why there is none.
 *
 * @param {string} version
 * @returns {Promise<{ node: string, reason?: undefined } | { node?: undefined, reason: string }>}
 */
export async function getNode(version) {
  const folder = fileURLToPath(new URL(`../.cache/node-${version}`, import.meta.url));
  const name = `node-${process.platform}-${process.arch}`;
  const node = path.join(folder, "node_modules", name, "bin", "node");
  try {
    await access(node).catch(async () => {
      await mkdir(folder, { recursive: true });
      const options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder];
      await promisify(execFile)("npm", ["install", ...options, `${name}@${version}`]);
    });
    return { node };
  } catch (error) {
    return { reason: `no Node ${version} (${String(error?.message ?? error).split("\n")[0]})` };
  }
}

// Nodes of other versions than the one that runs, from npm.
import path from "node:path";

import { installInCache } from "./npm-cache.mjs";
import { toReason } from "./run-program.mjs";

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
  const name = `node-${process.platform}-${process.arch}`;
  try {
    const folder = await installInCache(`node-${version}`, { dependencies: { [name]: version } });
    return { node: path.join(folder, "node_modules", name, "bin", "node") };
  } catch (error) {
    return { reason: toReason(`Node ${version}`, error) };
  }
}

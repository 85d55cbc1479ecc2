// Packages of pip that tests compare with, each in a folder of the test cache.

import { randomBytes } from "node:crypto";
import { access, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { findPython } from "./python.mjs";
import { run, toReason } from "./run-program.mjs";

const pending = new Map();

/**
 * A Python and the folder to put into its PYTHONPATH, or why there is none. Installs at the first call where it is missing;
 * safe to call from several processes at once.
 *
 * @param {string} name
 * @param {string} version
 * @param {string[]} further Requirements, as pip takes them, of what comes with it: for versions that stay the same.
 * @returns {Promise<{ python: string, path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export function getPipPackage(name, version, further = []) {
  const key = `${name}-${version}`;
  if (!pending.has(key)) pending.set(key, findOrInstall(name, version, further));
  return pending.get(key);
}

async function findOrInstall(name, version, further) {
  const cache = fileURLToPath(new URL("../.cache", import.meta.url));
  const target = path.join(cache, `${name}-${version}`);
  const scratch = path.join(cache, `.partial-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    const python = await findPython();
    if (!(await exists(target))) {
      await mkdir(cache, { recursive: true });
      await run(python, [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"],
        ...["--target", scratch, `${name}==${version}`, ...further],
      ]);
      // Where a parallel run was faster, its folder stays.
      await rename(scratch, target).catch(async (error) => {
        if (!(await exists(target))) throw error;
      });
    }
    return { python, path: target };
  } catch (error) {
    return { reason: toReason(`${name} ${version}`, error) };
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => {});
  }
}

const exists = (file) =>
  access(file).then(
    () => true,
    () => false,
  );

// Makes sure that Python's huggingface_hub is in the test cache and prints its folder, for PYTHONPATH.
//
//   node scripts/get-huggingface-hub.mjs
//
// The tests in test/hub/python.test.ts let it read a cache that candle-embed wrote, and the reverse. Exit code 3 and one
// line on stderr: it cannot be had here, and those tests count as skipped with that reason.

import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { access, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { findPython, run } from "./python.mjs";

const PACKAGE = "huggingface_hub";
const VERSION = "2.4.0";

let pending;

/**
 * A Python and the folder to put into its PYTHONPATH, or why there is none. Installs at the first call where it is missing;
 * safe to call from several processes at once.
 *
 * @returns {Promise<{ python: string, path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export function getHuggingfaceHub() {
  pending ??= findOrInstall();
  return pending;
}

async function findOrInstall() {
  const cache = fileURLToPath(new URL("../.cache", import.meta.url));
  const target = path.join(cache, `${PACKAGE}-${VERSION}`);
  const scratch = path.join(cache, `.partial-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    const python = await findPython();
    if (!(await exists(target))) {
      await mkdir(cache, { recursive: true });
      await run(python, [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"],
        ...["--target", scratch, `${PACKAGE}==${VERSION}`],
      ]);
      // Where a parallel run was faster, its folder stays.
      await rename(scratch, target).catch(async (error) => {
        if (!(await exists(target))) throw error;
      });
    }
    return { python, path: target };
  } catch (error) {
    const message = String(error?.message ?? error).replace(/\s+/g, " ");
    return { reason: `no ${PACKAGE} ${VERSION} (${message.trim().slice(0, 300)})` };
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => {});
  }
}

const exists = (file) =>
  access(file).then(
    () => true,
    () => false,
  );

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { path: folder, reason } = await getHuggingfaceHub();
  if (folder !== undefined) {
    console.log(folder);
  } else {
    console.error(reason);
    process.exitCode = 3;
  }
}

// Makes sure that Python's huggingface_hub is in the test cache and prints its folder, for PYTHONPATH.
//
//   node scripts/get-huggingface-hub.mjs
//
// The tests in test/hub/python.test.ts let it read a cache that candle-embed wrote, and the reverse. Exit code 3 and one
// line on stderr: it cannot be had here, and those tests count as skipped with that reason.

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { getPackages } from "./python.mjs";

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
  pending ??= getPackages(`${PACKAGE}-${VERSION}`, [`${PACKAGE}==${VERSION}`]);
  return pending;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { path: folder, reason } = await getHuggingfaceHub();
  if (folder !== undefined) {
    console.log(folder);
  } else {
    console.error(reason);
    process.exitCode = 3;
  }
}

// Makes sure that Python's huggingface_hub is in the test cache and prints its folder, for PYTHONPATH.
//
//   node scripts/get-huggingface-hub.mjs
//
// The tests in test/hub/python.test.ts let it read a cache that candle-embed wrote, and the reverse. Exit code 3 and one
// line on stderr: it cannot be had here, and those tests count as skipped with that reason.

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { getPipPackage } from "./get-pip-package.mjs";

/** huggingface_hub for a Python here, or why there is none. */
export function getHuggingfaceHub() {
  return getPipPackage("huggingface_hub", "2.4.0");
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

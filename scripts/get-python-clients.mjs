// Makes sure that the Python clients of OpenAI's API are in the test cache and prints their folder, for PYTHONPATH.
//
//   node scripts/get-python-clients.mjs
//
// The tests in test/server/python.test.ts call the server with them. Exit code 3 and one line on stderr: they cannot be
// had here, and those tests count as skipped with that reason.

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { getPipPackage } from "./get-pip-package.mjs";

/** The clients for a Python here, or why there are none. */
export function getPythonClients() {
  return getPipPackage("langchain-openai", "1.7.0", [
    "openai==3.54.0",
    "langchain-core==1.7.2",
    "tiktoken==0.14.0",
  ]);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { path: folder, reason } = await getPythonClients();
  if (folder !== undefined) {
    console.log(folder);
  } else {
    console.error(reason);
    process.exitCode = 3;
  }
}

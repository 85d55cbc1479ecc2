// Chroma's server, in the test cache: collections of the tests in test/adapters are kept by it. Its wheel has the server as
// one library that needs nothing of the packages around it. Where it cannot be had, those tests count as skipped with the
// reason.
import { getPipPackage } from "./get-pip-package.mjs";

/** The server for a Python here, or why there is none. */
export function getChroma() {
  return getPipPackage("chromadb", "1.5.9", ["--no-deps"]);
}

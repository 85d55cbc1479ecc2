// Python's readers of vector files, in the test cache: the tests in test/bulk/formats.test.ts let them read what
// `candle-embed embed` wrote. Where they cannot be had, those tests count as skipped with the reason.
import { getPipPackage } from "./get-pip-package.mjs";

/** lance, with the pyarrow and the numpy that it needs, for a Python here; or why there is none. */
export function getVectorReaders() {
  return getPipPackage("pylance", "14.0.2");
}

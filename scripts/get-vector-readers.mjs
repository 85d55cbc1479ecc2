// Python's readers of vector files, in the test cache: the tests in test/bulk/formats.test.ts let them read what
// `candle-embed embed` wrote. Where they cannot be had, those tests count as skipped with the reason.
import { getPackages } from "./python.mjs";

let pending;

/**
 * A Python and the folder to put into its PYTHONPATH, or why there is none.
 *
 * @returns {Promise<{ python: string, path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export function getVectorReaders() {
  pending ??= getPackages("vector-readers-1", ["numpy==2.4.6", "pyarrow==26.0.1", "pylance==14.0.2"]);
  return pending;
}

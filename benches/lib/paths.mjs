import path from "node:path";
import { fileURLToPath } from "node:url";

export const benches = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const root = path.dirname(benches);
/** Everything that is made on demand and not committed. */
export const cache = path.join(root, ".cache", "bench");
export const rustFolder = path.join(benches, "engines", "rust");
export const rustTarget = path.join(cache, "target");
/** The environment that is made on demand, or a Python that has the packages already. */
export const python = process.env.BENCH_PYTHON || path.join(cache, "venv", "bin", "python");

/** @param {string} name of a file under requirements/: packages that contradict those of the environment */
export const pythonPackages = (name) => path.join(cache, "python", name);

/** @param {string} name */
export const rustProgram = (name) => path.join(rustTarget, "release", name);

/** @param {string} name */
export const engineScript = (name) => path.join(benches, "engines", name);

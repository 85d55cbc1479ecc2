// What the scripts that get things with pip share.
import { run } from "./run-program.mjs";

/** The name of a Python that has pip. */
export async function findPython() {
  for (const python of ["python3", "python"]) {
    try {
      await run(python, ["-m", "pip", "--version"]);
      return python;
    } catch {
      // try the next name
    }
  }
  throw new Error("no Python with pip");
}

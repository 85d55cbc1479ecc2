import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

import { describe } from "../../backends/check-options.js";
import { invalidData } from "../datasets/read-records.js";
import { readScenario, type Scenario } from "./scenario.js";

const folder = path.join(__dirname, "../../../scenarios");
const suffix = ".scenario.json";

/** The names of the scenarios that come with the package. */
export function builtInScenarioNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length))
    .sort();
}

/**
 * A scenario that comes with the package, by name, or the one of a file.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what is neither, and as `readScenario`.
 */
export async function openScenario(nameOrFile: string): Promise<Scenario> {
  const names = builtInScenarioNames();
  if (names.includes(nameOrFile)) return readScenario(path.join(folder, nameOrFile + suffix));
  if (typeof nameOrFile === "string" && existsSync(nameOrFile)) return readScenario(nameOrFile);
  throw invalidData(
    `there is no scenario ${describe(nameOrFile)}: give a file, or one of ${names.join(", ")}`,
  );
}

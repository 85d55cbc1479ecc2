import { readdirSync } from "node:fs";
import path from "node:path";

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
 * @throws CandleEmbedError `INVALID_INPUT` as `readScenario`.
 */
export function openScenario(nameOrFile: string): Promise<Scenario> {
  const isName = builtInScenarioNames().includes(nameOrFile);
  return readScenario(isName ? path.join(folder, nameOrFile + suffix) : nameOrFile);
}

// Which engines there are; what one is says definition.mjs.
import { engines as inJavaScript } from "./javascript.mjs";
import { engines as inPython } from "./python.mjs";
import { engines as inRust } from "./rust.mjs";
import { engines as servers } from "./servers.mjs";

/**
 * Neighbours are measured one after the other: what is compared most stands together.
 *
 * @type {readonly import("./definition.mjs").EngineDefinition[]}
 */
export const engines = [...inJavaScript, ...inRust, ...inPython, ...servers];

/**
 * The engines for this model that start with one of the comma-separated names; all without it.
 *
 * @param {string | undefined} names
 * @param {import("../lib/models.mjs").ModelName} model
 */
export function chooseEngines(names, model) {
  const possible = engines.filter((engine) => engine.models.includes(model));
  if (names === undefined) return possible;
  const wanted = names.split(",").map((name) => name.trim());
  for (const name of wanted) {
    if (!possible.some((engine) => engine.name.startsWith(name))) {
      const known = possible.map((engine) => engine.name).join(", ");
      throw new Error(`no engine ${name} for ${model}; there are: ${known}`);
    }
  }
  return possible.filter((engine) => wanted.some((name) => engine.name.startsWith(name)));
}

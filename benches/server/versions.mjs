import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

import { benches } from "../lib/paths.mjs";

/** @param {string} python @param {readonly string[]} names */
export function pythonVersions(python, names) {
  const program = `import importlib.metadata as m, json; print(json.dumps({n: m.version(n) for n in ${JSON.stringify(names)}}))`;
  return JSON.parse(execFileSync(python, ["-c", program], { encoding: "utf8" }));
}

/** @param {readonly string[]} names */
export function peerVersions(names) {
  const file = (name) => path.join(benches, "node_modules", name, "package.json");
  return Object.fromEntries(
    names.map((name) => [name, JSON.parse(readFileSync(file(name), "utf8")).version]),
  );
}

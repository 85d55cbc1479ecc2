// The crates that cargo links into what is published.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

import { root } from "./packages.mjs";

/**
 * @typedef {object} Crate As `cargo metadata` describes it.
 * @property {string} name
 * @property {string} version
 * @property {string | null} license
 * @property {string[]} authors
 * @property {string | null} repository
 * @property {string} manifest_path
 */

/**
 * Every crate of an addon, on whichever platform, or of the WebAssembly module; by name. No build scripts, no macros, nothing
 * of tests, none of this repository's own.
 *
 * @returns {Crate[]}
 */
export function linkedCrates() {
  const { napi } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const crates = new Map();
  const linked = [
    ...napi.targets.flatMap((target) =>
      linkedInto("candle-embed-napi", target, target.endsWith("apple-darwin") ? ["metal"] : []),
    ),
    // The package with CUDA.
    ...linkedInto("candle-embed-napi", "x86_64-unknown-linux-gnu", ["flash-attn"]),
    ...linkedInto("candle-embed-wasm", "wasm32-unknown-unknown"),
  ];
  for (const entry of linked) crates.set(`${entry.name} ${entry.version}`, entry);
  return [...crates.keys()].sort().map((key) => crates.get(key));
}

function linkedInto(crate, target, features = []) {
  const asked = features.flatMap((feature) => ["--features", `${crate}/${feature}`]);
  const json = execFileSync(
    "cargo",
    ["metadata", "--format-version", "1", "--locked", "--filter-platform", target, ...asked],
    { cwd: root, encoding: "utf8", maxBuffer: 256 * 1024 * 1024, stdio: ["ignore", "pipe", "inherit"] },
  );
  const { packages, resolve, workspace_members: own } = JSON.parse(json);
  const byId = new Map(packages.map((entry) => [entry.id, entry]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const isMacro = (id) => byId.get(id).targets.some(({ kind }) => kind.includes("proc-macro"));
  const start = packages.find(({ name, id }) => name === crate && own.includes(id)).id;
  // The set grows while it is gone through.
  const seen = new Set([start]);
  for (const id of seen) {
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind === null) && !isMacro(pkg)) seen.add(pkg);
    }
  }
  return [...seen].filter((id) => !own.includes(id)).map((id) => byId.get(id));
}

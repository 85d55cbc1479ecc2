// Fails where the packages, the crates, the changelog and the tag do not speak of one version.
//
//   node scripts/release/check-version.mjs [TAG]
import { readFileSync } from "node:fs";
import path from "node:path";

import { accelerators, platforms, root } from "./packages.mjs";

const read = (name) => readFileSync(path.join(root, name), "utf8");
const manifest = (folder) => JSON.parse(read(path.join(folder, "package.json")));

const { version, dependencies } = manifest(".");
/** The versions of this repository's own packages and crates in the lockfiles, which `npm ci` and `--locked` go by. */
const locked = JSON.parse(read("package-lock.json")).packages;
const lockedCrates = [
  ...read("Cargo.lock").matchAll(/name = "(candle-embed\S*)"\nversion = "(.*)"\n(?!source)/g),
];
const found = {
  tag: process.argv[2]?.replace(/^v/, ""),
  "Cargo.toml": /^version = "(.*)"$/m.exec(read("Cargo.toml"))?.[1],
  "CHANGELOG.md": /^## (\S+)/m.exec(read("CHANGELOG.md"))?.[1],
  ...Object.fromEntries(
    ["", "models/all-MiniLM-L6-v2", "npm/wasm"].map((folder) => [
      `package-lock.json, ${folder || "."}`,
      locked[folder].version,
    ]),
  ),
  ...Object.fromEntries(lockedCrates.map(([, name, of]) => [`Cargo.lock, ${name}`, of])),
  "the model that package.json asks for": dependencies["@candle-embed/all-minilm-l6-v2"],
  "models/all-MiniLM-L6-v2": manifest("models/all-MiniLM-L6-v2").version,
  "npm/wasm": manifest("npm/wasm").version,
  ...Object.fromEntries(
    [...platforms(), ...accelerators].map((platform) => [
      `npm/${platform}`,
      manifest(`npm/${platform}`).version,
    ]),
  ),
};
const tagged = process.argv[2] !== undefined;
const wrong = Object.entries(found).filter(
  ([where, value]) => value !== version && (tagged || where !== "tag"),
);
for (const [where, value] of wrong) console.error(`${where}: ${value}, but package.json says ${version}`);
const unreleased = tagged && /^## .*$/m.exec(read("CHANGELOG.md"))[0].includes("unreleased");
if (unreleased) console.error("CHANGELOG.md still calls this version unreleased");

if (wrong.length > 0 || unreleased) process.exitCode = 1;
else console.log(`- every package says ${version}`);

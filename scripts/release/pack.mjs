// Packs every package of a release into a folder, and fails where one lacks its addon or is larger than it may be.
//
//   node scripts/release/pack.mjs FOLDER
//
// In a workflow GITHUB_REPOSITORY names the repository that provenance is checked against.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { budgets, packAll } from "./packages.mjs";

const target = process.argv[2];
if (target === undefined) {
  console.error("usage: node scripts/release/pack.mjs FOLDER");
  process.exit(2);
}
const { GITHUB_SERVER_URL: server = "https://github.com", GITHUB_REPOSITORY: name } = process.env;
const packed = packAll(path.resolve(target), {
  complete: true,
  repository: name === undefined ? undefined : `${server}/${name}`,
});
for (const { kind, tarball, unpackedSize } of packed) {
  console.log(`- ${path.basename(tarball)}: ${unpackedSize} bytes unpacked (at most ${budgets[kind]})`);
  if (unpackedSize > budgets[kind]) throw new Error(`${tarball} is larger than it may be`);
}
// The order in which they are published, and what publish.mjs checks before it publishes them.
const list = packed.map(({ name, version, tarball }) => ({
  name,
  version,
  tarball: path.basename(tarball),
  sha256: createHash("sha256").update(readFileSync(tarball)).digest("hex"),
}));
writeFileSync(path.join(target, "packages.json"), `${JSON.stringify(list, null, 2)}\n`);

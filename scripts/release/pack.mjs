// Packs every package of a release into a folder, and fails where one lacks its addon or is larger than it may be.
//
//   node scripts/release/pack.mjs FOLDER
//
// In a workflow GITHUB_REPOSITORY names the repository that provenance is checked against.
import path from "node:path";

import { budgets, packAll, writeList } from "./packages.mjs";

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
writeList(packed, target);

// Packs every package of a release into a folder, and fails where one lacks its addon or is larger than it may be.
//
//   node scripts/release/pack.mjs FOLDER [--built]
//
// --built: names what was not built here and leaves it out, for a look at the rest; never a release.
// In a workflow GITHUB_REPOSITORY names the repository that provenance is checked against.
import path from "node:path";

import { budgets, notBuilt, packAll, writeList } from "./packages.mjs";

const partly = process.argv.includes("--built");
const target = process.argv.slice(2).find((argument) => argument !== "--built");
if (target === undefined) {
  console.error("usage: node scripts/release/pack.mjs FOLDER [--built]");
  process.exit(2);
}
const { GITHUB_SERVER_URL: server = "https://github.com", GITHUB_REPOSITORY: name } = process.env;
const packed = packAll(path.resolve(target), {
  missing: partly ? "skip" : "fail",
  repository: name === undefined ? undefined : `${server}/${name}`,
});
for (const { kind, tarball, unpackedSize } of packed) {
  console.log(`- ${path.basename(tarball)}: ${unpackedSize} bytes unpacked (at most ${budgets[kind]})`);
  if (unpackedSize > budgets[kind]) throw new Error(`${tarball} is larger than it may be`);
}
if (partly) for (const folder of notBuilt()) console.log(`- ${folder}: not built here, left out`);
writeList(packed, target);

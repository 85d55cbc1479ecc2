// npm run test:install [-- [--packed FOLDER] SECTION...]: installs the packages in every way, and writes docs/install-matrix.md.
//
// --packed: the tarballs that scripts/release/pack.mjs left in FOLDER, as they will be published; without it they are packed here.
//
// Sections: managers, subpaths, runtimes, bundlers, platforms, accelerators, packages, measures; without one all of them run. A
// section keeps what it found in .cache/install-matrix.json. Ends with code 1 where a cell is red.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { packAll, readList, root, writeList } from "../../scripts/release/packages.mjs";
import { publishAll } from "../../scripts/release/publish.mjs";
import { acceleratorsSection } from "./accelerators.mjs";
import { bundlersSection } from "./bundlers.mjs";
import { managersSection } from "./managers.mjs";
import { measuresSection } from "./measures.mjs";
import { packagesSection } from "./packages.mjs";
import { platformsSection } from "./platforms.mjs";
import { startRegistry } from "./registry.mjs";
import { keep, page, read } from "./report.mjs";
import { runtimesSection } from "./runtimes.mjs";
import { subpathsSection } from "./subpaths.mjs";
import { getTools } from "./tools.mjs";

const sections = {
  managers: managersSection,
  subpaths: subpathsSection,
  runtimes: runtimesSection,
  bundlers: bundlersSection,
  platforms: platformsSection,
  accelerators: acceleratorsSection,
  packages: packagesSection,
  measures: measuresSection,
};
const record = path.join(root, ".cache/install-matrix.json");

const { values, positionals: wanted } = parseArgs({
  options: { packed: { type: "string" } },
  allowPositionals: true,
});
const unknown = wanted.filter((name) => !(name in sections));
if (unknown.length > 0) {
  console.error(`no section ${unknown.join(", ")}: there are ${Object.keys(sections).join(", ")}`);
  process.exit(2);
}

const folder = mkdtempSync(path.join(tmpdir(), "candle-embed-install-"));
let registry;
try {
  const tools = await getTools();
  const packages = values.packed === undefined ? path.join(folder, "packed") : path.resolve(values.packed);
  if (values.packed === undefined) writeList(packAll(packages), packages);
  const packed = readList(packages);
  for (const { name, binary } of packed)
    if (!binary) console.log(`- ${name}: nothing built here, published empty`);
  registry = await startRegistry(tools, path.join(folder, "registry"));
  writeFileSync(path.join(folder, ".npmrc"), registry.npmrc);
  const publish = () =>
    publishAll(packages, {
      options: ["--registry", registry.url],
      cwd: folder,
      log: () => {},
    });
  publish();
  // As a release that is run again.
  const again = publish().filter(({ published }) => published);
  if (again.length > 0) throw new Error(`published twice: ${again.map(({ name }) => name).join(", ")}`);
  const context = { folder, tools, registry, packed };
  let red = 0;
  for (const [name, section] of Object.entries(sections)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`\n== ${name}`);
    const found = await section(context);
    for (const { name: row, cells } of found.rows) {
      for (const [index, { state, text }] of cells.entries()) {
        if (state === "red") red++;
        console.log(`- ${row}, ${found.columns[index]}: ${state} ${text}`);
      }
    }
    const where = `${process.platform}-${process.arch}, ${cpus()[0]?.model.trim() ?? "?"}, ${new Date().toISOString().slice(0, 10)}.`;
    keep(record, name, { ...found, where });
  }
  writeFileSync(path.join(root, "docs/install-matrix.md"), page(read(record), Object.keys(sections)));
  console.log(red === 0 ? "\nno red cell" : `\n${red} red cells`);
  process.exitCode = red === 0 ? 0 : 1;
} finally {
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
}

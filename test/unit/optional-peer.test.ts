import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(path.join(tmpdir(), "candle-embed-test-"));
beforeAll(() => {
  mkdirSync(path.join(folder, "dist/utils"), { recursive: true });
  for (const file of ["errors.js", "utils/optional-peer.js"]) {
    writeFileSync(path.join(folder, "dist", file), readFileSync(path.join(root, "dist", file)));
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What loading csv-parse says in a project with this version of it. */
function load(version: string): string {
  const installed = path.join(folder, "node_modules/csv-parse");
  mkdirSync(installed, { recursive: true });
  // Its manifest is exported to nobody, as that of some packages.
  const manifest = { name: "csv-parse", version, exports: { ".": "./index.js" } };
  writeFileSync(path.join(installed, "package.json"), JSON.stringify(manifest));
  writeFileSync(path.join(installed, "index.js"), `exports.parse = "that of ${version}";`);
  const program = `const { loadPeer } = require("./dist/utils/optional-peer.js");
    loadPeer("csv-parse", "CSV input", () => import("csv-parse"))
      .then(({ parse }) => console.log(parse), (error) => console.log(error.code + ": " + error.message));`;
  return spawnSync(process.execPath, ["-e", program], { cwd: folder, encoding: "utf8" }).stdout.trim();
}

it("a project's own version of a package is used where it works, and named with what to do where it is too old", () => {
  expect(load("5.6.0")).toBe("that of 5.6.0");
  expect(load("10.0.0")).toBe("that of 10.0.0");
  expect(load("4.16.3")).toBe(
    "INVALID_INPUT: CSV input needs the package csv-parse 5.0 or newer, and this is 4.16.3: npm install csv-parse@7",
  );
});

it("package.json names no range for what is optional: npm would refuse to install beside another version of it", () => {
  const { peerDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync(path.join(root, "package.json"), "utf8"),
  ) as { peerDependencies: Record<string, string>; peerDependenciesMeta: Record<string, unknown> };
  expect(new Set(Object.values(peerDependencies))).toEqual(new Set(["*"]));
  for (const name of Object.keys(peerDependencies))
    expect(peerDependenciesMeta[name]).toEqual({ optional: true });
});

// What demo.mjs, test.mjs and build.mjs share: installing and building whatever is missing or stale.
import { spawnSync } from "node:child_process";
import { rmSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Runs a command in the repository's root and ends this process with its exit code if it fails. */
export function runStep(title, command, args, variables = {}) {
  console.log(`- ${title}`);
  const env = { ...process.env, ...variables };
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", env });
  if (status === 0) return;
  fail(`${title}: failed${error ? ` (${error.message})` : signal ? ` (${signal})` : ""}`, status ?? 1);
}

/** Runs npm: the one that started this process, where one did. */
export function runNpm(title, args) {
  const npm = process.env.npm_execpath;
  if (npm === undefined) runStep(title, "npm", args);
  else runStep(title, process.execPath, [npm, ...args]);
}

/** Installs the packages and builds the addon and the TypeScript. Quick when nothing has changed. */
export function setUp() {
  install();
  build();
}

/** Builds the addon (cargo decides what is stale) and compiles the TypeScript. */
export function build() {
  requireCargo();
  runNpm("addon: cargo build in release mode (a first build takes minutes)", [
    "run",
    "--silent",
    "build:addon",
  ]);
  // Compiled files whose sources are gone would stay and be published.
  rmSync(path.join(root, "dist"), { recursive: true, force: true });
  runNpm("typescript: tsc", ["run", "--silent", "build:ts"]);
}

function install() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node 20.19 or newer is needed to build and test, this is ${process.versions.node}`);
  }
  const lock = modified("package-lock.json");
  const installed = modified("node_modules/.package-lock.json");
  if (installed !== undefined && installed >= lock) return;
  runNpm("packages: npm ci", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

function requireCargo() {
  if (spawnSync("cargo", ["--version"]).status !== 0) {
    fail("cargo is missing: install the stable Rust toolchain from https://rustup.rs, then run this again");
  }
}

function modified(file) {
  return statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs;
}

function fail(message, code = 1) {
  console.error(message);
  process.exit(code);
}

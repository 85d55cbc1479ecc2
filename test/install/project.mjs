// Empty folders with a package.json, into which packages are installed.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { checkAnswer, commonjs, readme, wasm } from "./programs.mjs";
import { run } from "./process.mjs";

/**
 * @typedef {object} Context What all sections share.
 * @property {string} folder For projects and caches; empty at the start.
 * @property {string} tools The `node_modules` of other people's programs.
 * @property {{ url: string, npmrc: string }} registry
 * @property {import("../../scripts/release/packages.mjs").Packed[]} packed
 */

/**
 * A project that uses the registry.
 *
 * @param {Context} context
 * @param {string} name
 * @param {Record<string, unknown>} [manifest]
 */
export function makeProject({ folder, registry }, name, manifest = {}) {
  const project = path.join(folder, name);
  rmSync(project, { recursive: true, force: true });
  mkdirSync(project, { recursive: true });
  write(project, "package.json", JSON.stringify({ name, private: true, version: "1.0.0", ...manifest }));
  write(project, ".npmrc", registry.npmrc);
  write(project, "program.mjs", readme);
  write(project, "program.cjs", commonjs);
  write(project, "wasm.mjs", wasm);
  return project;
}

/** Writes a file of a project. */
export function write(project, name, text) {
  const file = path.join(project, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** npm install, with no cache but this one and no scripts. */
export function npmInstall({ folder }, project, packages, options = []) {
  const cache = ["--cache", path.join(folder, "npm-cache"), "--ignore-scripts", "--no-audit", "--no-fund"];
  return run("npm", ["install", ...cache, ...options, ...packages], { cwd: project, env: clean });
}

/** What `npm run` leaves in the environment and other package managers would follow. */
export const clean = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^npm_(config|package|lifecycle)/i.test(name) && !/noproxy|proxy|cafile/i.test(name))
    .map((name) => [name, undefined]),
);

/** Runs a program that prints the README's answer; its output otherwise is the reason of a failure. */
export async function runProgram(command, args, cwd, env = {}) {
  checkAnswer(await run(command, args, { cwd, env: { ...clean, ...env }, timeoutMs: 120_000 }));
}

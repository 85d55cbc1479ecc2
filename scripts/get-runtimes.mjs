// Makes sure that Bun and Deno are in the test cache and prints the paths of their programs.
//
//   node scripts/get-runtimes.mjs
//
// The tests in test/wasm/runtimes.test.ts run the WebAssembly package in them. They come from npm, without install
// scripts. Exit code 3 and one line on stderr: they cannot be had here, and those tests count as skipped with that reason.

import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { installInCache } from "./npm-cache.mjs";
import { toReason } from "./run-program.mjs";

const BUN = "1.4.5";
const DENO = "2.9.6";

let pending;

/**
 * The programs, or why there are none. Installs at the first call where they are missing; safe to call from several
 * processes at once.
 *
 * @returns {Promise<{ bun: string, deno: string, reason?: undefined } | { bun?: undefined, deno?: undefined, reason: string }>}
 */
export function getRuntimes() {
  pending ??= findOrInstall();
  return pending;
}

async function findOrInstall() {
  try {
    const dependencies = { [bunPackage()]: BUN, [denoPackage()]: DENO };
    const modules = path.join(
      await installInCache(`bun-${BUN}-deno-${DENO}`, { dependencies }),
      "node_modules",
    );
    const bun = path.join(modules, bunPackage(), "bin/bun");
    const deno = path.join(modules, denoPackage(), "deno");
    for (const program of [bun, deno]) {
      const { status, error } = spawnSync(program, ["--version"]);
      if (status !== 0) throw error ?? new Error(`${program} does not start here`);
    }
    return { bun, deno };
  } catch (error) {
    return { reason: toReason(`bun ${BUN} and deno ${DENO}`, error) };
  }
}

/** The packages behind `bun` and `deno` that hold the programs; those two only choose between them when they are installed. */
function bunPackage() {
  return `@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
}

function denoPackage() {
  return `@deno/${process.platform}-${process.arch}${process.platform === "linux" ? "-glibc" : ""}`;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { bun, deno, reason } = await getRuntimes();
  if (reason === undefined) {
    console.log(`${bun}\n${deno}`);
  } else {
    console.error(reason);
    process.exitCode = 3;
  }
}

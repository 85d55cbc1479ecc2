// Makes sure that Bun and Deno are in the test cache and prints the paths of their programs.
//
//   node scripts/get-runtimes.mjs
//
// The tests in test/wasm/runtimes.test.ts run the WebAssembly package in them. They come from npm, without install
// scripts. Exit code 3 and one line on stderr: they cannot be had here, and those tests count as skipped with that reason.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { run } from "./python.mjs";

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
  const cache = fileURLToPath(new URL("../.cache", import.meta.url));
  const target = path.join(cache, `bun-${BUN}-deno-${DENO}`);
  const scratch = path.join(cache, `.partial-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    if (!existsSync(target)) {
      await mkdir(scratch, { recursive: true });
      await run("npm", [
        ...["install", "--prefix", scratch, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
        ...[`${bunPackage()}@${BUN}`, `${denoPackage()}@${DENO}`],
      ]);
      // Where a parallel run was faster, its folder stays.
      await rename(scratch, target).catch((error) => {
        if (!existsSync(target)) throw error;
      });
    }
    const bun = path.join(target, "node_modules", bunPackage(), "bin/bun");
    const deno = path.join(target, "node_modules", denoPackage(), "deno");
    for (const program of [bun, deno]) {
      const { status, error } = spawnSync(program, ["--version"]);
      if (status !== 0) throw error ?? new Error(`${program} does not start here`);
    }
    return { bun, deno };
  } catch (error) {
    const message = String(error?.message ?? error).replace(/\s+/g, " ");
    return { reason: `no bun ${BUN} and deno ${DENO} (${message.trim().slice(0, 300)})` };
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => {});
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

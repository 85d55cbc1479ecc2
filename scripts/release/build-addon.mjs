// Builds the addon of a platform with the host's own toolchain into its package, and checks its size: what a release does on
// macOS and Windows. Linux has scripts/platforms, which also keep the C library old.
//
//   node scripts/release/build-addon.mjs PLATFORM
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { budgets, platforms, root } from "./packages.mjs";

/**
 * What is built for a platform: Rust's name of it, the arguments for cargo, the file that they make in its target folder.
 *
 * @param {string} platform
 * @returns {{ target: string, args: string[], file: string }}
 */
export function planOf(platform) {
  const [system, cpu, abi] = platform.split("-");
  const { napi } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const parts = { x64: "x86_64", arm64: "aarch64", linux: "linux", darwin: "darwin", win32: "windows" };
  const target = napi.targets.find((triple) =>
    [parts[cpu], parts[system], abi ?? ""].every((part) => triple.includes(part)),
  );
  const args = ["build", "--profile", "dist", "--locked", "--target", target, "-p", "candle-embed-napi"];
  // Every Mac with Apple silicon has the GPU and all that Metal needs.
  if (platform === "darwin-arm64") args.push("--features", "metal");
  const library = {
    linux: "libcandle_embed_napi.so",
    darwin: "libcandle_embed_napi.dylib",
    win32: "candle_embed_napi.dll",
  };
  return { target, args, file: path.join(target, "dist", library[system]) };
}

/**
 * The libraries of Visual C++ that a DLL imports: .cargo/config.toml links them statically. Names of imported libraries stand in
 * the file as they are.
 *
 * @param {Buffer} file
 * @returns {string[]}
 */
export function runtimesOf(file) {
  const names = file.toString("latin1").match(/\b(?:vcruntime|msvcp|concrt)\d+(?:_\d)?\.dll\b/gi) ?? [];
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

function buildAddon(platform) {
  const { args, file } = planOf(platform);
  const { status, error } = spawnSync("cargo", args, { cwd: root, stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);

  // As cargo takes it: from the folder that it runs in.
  const built = path.resolve(root, process.env.CARGO_TARGET_DIR ?? "target", file);
  const { size } = statSync(built);
  if (size > budgets.native) throw new Error(`${built} has ${size} bytes, more than ${budgets.native}`);
  const missing = runtimesOf(readFileSync(built));
  if (missing.length > 0)
    throw new Error(`${built} needs ${missing.join(", ")}, which Windows does not have`);
  copyFileSync(built, path.join(root, "npm", platform, `candle-embed.${platform}.node`));
  console.log(`- npm/${platform}/candle-embed.${platform}.node: ${size} bytes (at most ${budgets.native})`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const platform = process.argv[2];
  if (!platforms().includes(platform)) {
    console.error(`usage: node scripts/release/build-addon.mjs PLATFORM (one of ${platforms().join(", ")})`);
    process.exit(2);
  }
  buildAddon(platform);
}

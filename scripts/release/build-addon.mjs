// Builds the addon of a platform with the host's own toolchain into its package, and checks its size: what a release does on
// macOS and Windows. Linux has scripts/platforms, which also keep the C library old.
//
//   node scripts/release/build-addon.mjs PLATFORM
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

import { budgets, platforms, root } from "./packages.mjs";

const platform = process.argv[2];
if (!platforms().includes(platform)) {
  console.error(`usage: node scripts/release/build-addon.mjs PLATFORM (one of ${platforms().join(", ")})`);
  process.exit(2);
}
const [system, cpu, abi] = platform.split("-");
const { napi } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const parts = { x64: "x86_64", arm64: "aarch64", linux: "linux", darwin: "darwin", win32: "windows" };
const target = napi.targets.find((triple) =>
  [parts[cpu], parts[system], abi ?? ""].every((part) => triple.includes(part)),
);

const args = ["build", "--profile", "dist", "--locked", "--target", target, "-p", "candle-embed-napi"];
// Every Mac with Apple silicon has the GPU and all that Metal needs.
if (platform === "darwin-arm64") args.push("--features", "metal");
const { status } = spawnSync("cargo", args, { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

const library = {
  linux: "libcandle_embed_napi.so",
  darwin: "libcandle_embed_napi.dylib",
  win32: "candle_embed_napi.dll",
};
const folder = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");
const built = path.join(folder, target, "dist", library[system]);
const { size } = statSync(built);
if (size > budgets.native) throw new Error(`${built} has ${size} bytes, more than ${budgets.native}`);
copyFileSync(built, path.join(root, "npm", platform, `candle-embed.${platform}.node`));
console.log(`- npm/${platform}/candle-embed.${platform}.node: ${size} bytes (at most ${budgets.native})`);

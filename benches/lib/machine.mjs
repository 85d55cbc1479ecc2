import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { root } from "./paths.mjs";

const FLAGS = [
  "avx2",
  "fma",
  "avx_vnni",
  "avx512f",
  "avx512_vnni",
  "avx512_bf16",
  "amx_int8",
  "asimddp",
  "i8mm",
];

/** What a reader has to know about where and of what a figure is. */
export function describeMachine() {
  const cpu = os.cpus()[0];
  return {
    cpu: cpu?.model ?? "unknown",
    cpus: os.availableParallelism(),
    flags: cpuFlags(),
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    loadAverageAtStart: os.loadavg()[0],
    commit: git(["rev-parse", "HEAD"]),
    changedFiles: git(["status", "--porcelain"])?.split("\n").filter(Boolean).length,
    version: JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).version,
  };
}

function cpuFlags() {
  try {
    const [, flags] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"));
    const there = new Set(flags.split(" "));
    return FLAGS.filter((flag) => there.has(flag));
  } catch {
    return [];
  }
}

function git(args) {
  try {
    return execFileSync("git", args, {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Why a program of the system cannot be asked; empty where it can. */
export function missing(program: string): string {
  return spawnSync(program, ["--version"]).error === undefined ? "" : `(no ${program} here)`;
}

/** What systemd itself complains of in a unit. */
export function verifyUnit(file: string, runtimeFolder: string, ...args: string[]): string {
  const env = { ...process.env, XDG_RUNTIME_DIR: runtimeFolder };
  const { stdout, stderr } = spawnSync("systemd-analyze", ["verify", ...args, file], {
    env,
    encoding: "utf8",
  });
  return `${stdout}${stderr}`;
}

/** A property list as Python reads it. */
export function readPlist(text: string): unknown {
  const program = "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
  return JSON.parse(execFileSync("python3", ["-c", program], { input: text, encoding: "utf8" })) as unknown;
}

/** A program that writes down its arguments, then does what the shell line says. */
export function fakeProgram(folder: string, name: string, line: string): { calls: () => string[] } {
  const log = path.join(folder, `${name}.log`);
  const file = path.join(folder, name);
  writeFileSync(log, "");
  writeFileSync(file, `#!/bin/sh\necho "$*" >> '${log}'\n${line}\n`);
  chmodSync(file, 0o755);
  return { calls: () => readFileSync(log, "utf8").split("\n").slice(0, -1) };
}

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";

import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { finished } from "../native/support.js";
import { runCli, runShell, startCli, temporaryFolder, tinyModel, withTinyModel } from "./support.js";

const weights = await getTestWeights();
const folder = temporaryFolder();
const line = `cli embed --model "${tinyModel}" --format text`;

function inFolder(name: string): string {
  return path.join(folder, name);
}

function fifo(name: string): string {
  execFileSync("mkfifo", [inFolder(name)]);
  return inFolder(name);
}

function embedTo(output: string, ...more: string[]): ReturnType<typeof runCli> {
  return runCli(withTinyModel("embed", "the fox", "--format", "text", "--output", output, ...more));
}

const { stdout: expected } = await runCli(withTinyModel("embed", "the fox", "--format", "text"));

describe("--output", () => {
  it("follows links: the file they end at is replaced, the links stay", async () => {
    mkdirSync(inFolder("real"));
    writeFileSync(inFolder("real/vectors.txt"), "old");
    symlinkSync("real", inFolder("folder-link"));
    symlinkSync("folder-link/vectors.txt", inFolder("link"));
    expect(await embedTo(inFolder("link"))).toMatchObject({ code: 0, stderr: "" });
    expect(readlinkSync(inFolder("link"))).toBe("folder-link/vectors.txt");
    expect(readFileSync(inFolder("real/vectors.txt"), "utf8")).toBe(expected);
    expect(readdirSync(inFolder("real"))).toEqual(["vectors.txt"]);
  });

  it("makes the file that a link points to and that is not there yet", async () => {
    mkdirSync(inFolder("later"));
    symlinkSync("later/new.txt", inFolder("second"));
    symlinkSync("second", inFolder("first"));
    expect(await embedTo(inFolder("first"))).toMatchObject({ code: 0, stderr: "" });
    expect(lstatSync(inFolder("first")).isSymbolicLink()).toBe(true);
    expect(readFileSync(inFolder("later/new.txt"), "utf8")).toBe(expected);
  });

  it("keeps the mode of an existing file", async () => {
    const file = inFolder("mode.txt");
    for (const mode of [0o600, 0o666, 0o754]) {
      writeFileSync(file, "old");
      chmodSync(file, mode);
      expect(await embedTo(file)).toMatchObject({ code: 0, stderr: "" });
      expect(statSync(file).mode & 0o7777).toBe(mode);
      expect(readFileSync(file, "utf8")).toBe(expected);
    }
  });

  it.each(["text", "npy"])("writes to a pipe as it is: %s", async (format) => {
    const pipe = fifo(`pipe-${format}`);
    const run = (output: string): Promise<unknown> =>
      runShell(`cli embed --model "${tinyModel}" --format ${format} a b --output "${output}"`);
    const direct = inFolder(`direct-${format}`);
    await run(direct);
    const reader = runShell(`cat "${pipe}" > "${pipe}.copy"`);
    expect(await run(pipe)).toMatchObject({ code: 0, stderr: "" });
    expect(await reader).toMatchObject({ code: 0 });
    expect(readFileSync(`${pipe}.copy`)).toEqual(readFileSync(direct));
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  it("writes to the shell's own pipes", async () => {
    expect(await runShell(`${line} "the fox" --output /dev/fd/3 3>&1 | cat`)).toMatchObject({
      code: 0,
      stdout: expected,
      stderr: "",
    });
  });

  it("refuses a folder", async () => {
    symlinkSync(".", inFolder("link-to-folder"));
    for (const name of [folder, inFolder("link-to-folder"), `${inFolder("absent")}/`, ""]) {
      const { code, stderr } = await embedTo(name);
      expect(stderr).toMatch(/^candle-embed: USAGE: --output must name a file, not the folder "[^\n]*"\n$/);
      expect(code).toBe(2);
    }
  });

  it("leaves an existing file as it was when the run fails", async () => {
    const file = inFolder("kept.txt");
    writeFileSync(file, "old");
    expect(await embedTo(file, "--truncate", "error", "long ".repeat(100))).toMatchObject({ code: 1 });
    expect(readFileSync(file, "utf8")).toBe("old");
    expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });
});

describe("Ctrl-C", () => {
  /** Waits until somebody writes to the pipe. */
  async function firstByte(reader: number): Promise<void> {
    const arrived = (): boolean => {
      try {
        return readSync(reader, Buffer.alloc(1)) === 1;
      } catch {
        return false;
      }
    };
    await vi.waitUntil(arrived, { timeout: 30_000, interval: 20 });
  }

  // The engine quantises these weights for seconds and cannot be stopped in between.
  it.skipIf(weights.path === undefined).each(["SIGINT", "SIGTERM"] as const)(
    "ends quantize, which cannot be cancelled: %s",
    async (signal) => {
      const target = inFolder(signal);
      const child = startCli(["quantize", weights.path as string, target]);
      const end = finished(child);
      await sleep(400);
      child.kill(signal);
      // For a shell that is the exit code 128 and the signal's number: 130 or 143.
      expect(await end).toEqual({ code: null, signal, stdout: "", stderr: "" });
      expect(existsSync(path.join(target, "model.safetensors"))).toBe(false);
    },
  );

  it("ends a write to a pipe that nobody reads on", async () => {
    const pipe = fifo("stalled");
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const child = startCli(withTinyModel("embed", "--format", "text", "--output", pipe));
    const end = finished(child);
    // More than a pipe holds.
    child.stdin.end("the fox\n".repeat(2_500));
    await firstByte(reader);
    child.kill("SIGINT");
    expect(await end).toEqual({ code: null, signal: "SIGINT", stdout: "", stderr: "" });
    closeSync(reader);
  });
});

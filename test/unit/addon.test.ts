import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { addonError } from "../../src/addon/addon-error.js";
import { checkVersion, prebuiltPlatforms } from "../../src/addon/load-addon.js";
import { addonPlatform, readInterpreter } from "../../src/addon/machine.js";

const root = path.resolve(import.meta.dirname, "../..");
const npm = path.join(root, "npm");
const folder = mkdtempSync(path.join(tmpdir(), "candle-embed-test-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const missing = Object.assign(new Error("Cannot find module"), { code: "MODULE_NOT_FOUND" });

describe("no addon", () => {
  it.each([
    [{ platform: "freebsd", arch: "x64", libc: undefined }, "freebsd-x64: none is built for it"],
    [{ platform: "linux", arch: "ia32", libc: "musl" }, "linux-ia32 (musl): none is built for it"],
  ] as const)("a platform that has none: %o", (machine, message) => {
    expect(prebuiltPlatforms).not.toContain(addonPlatform(machine));
    const error = addonError(missing, { machine, file: undefined, isPrebuilt: false });
    expect(error.code).toBe("DEVICE_UNAVAILABLE");
    expect(error.message).toContain(message);
    expect(error.message).toContain("npm install @candle-embed/wasm");
  });

  it.each([
    [{ platform: "linux", arch: "x64", libc: "glibc" }, "linux-x64-gnu"],
    [{ platform: "linux", arch: "arm64", libc: "musl" }, "linux-arm64-musl"],
    [{ platform: "darwin", arch: "arm64", libc: undefined }, "darwin-arm64"],
    [{ platform: "win32", arch: "x64", libc: undefined }, "win32-x64-msvc"],
  ] as const)("a platform whose package is not installed: %o", (machine, name) => {
    expect(prebuiltPlatforms).toContain(name);
    const { message } = addonError(missing, { machine, file: undefined, isPrebuilt: true });
    expect(message).toContain(`@candle-embed/binding-${name} is not installed`);
    expect(message).toContain("--omit=optional");
  });

  it("a system that refuses to load it: what its loader says", () => {
    const refused = Object.assign(new Error("The specified module could not be found."), {
      code: "ERR_DLOPEN_FAILED",
    });
    const machine = { platform: "win32", arch: "x64", libc: undefined };
    const error = addonError(refused, { machine, file: undefined, isPrebuilt: true });
    expect(error.message).toMatch(
      /^this system refuses to load candle-embed's addon for win32-x64: The specified/,
    );
    expect(error.message).not.toContain("glibc");
    expect(error.cause).toBe(refused);
  });

  it("a file that is none, in a real process, which goes on", () => {
    const file = path.join(folder, "damaged.node");
    writeFileSync(file, "\x7fELF and then nothing of it");
    const program = `const { NativeBackend } = require("candle-embed");
      NativeBackend.load().catch((error) => console.log(error.code + ": " + error.message));`;
    const { stdout, status } = spawnSync(process.execPath, ["-e", program], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, CANDLE_EMBED_ADDON: file },
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^DEVICE_UNAVAILABLE: .*damaged\.node does not load as candle-embed's addon for/);
    expect(stdout).toContain("CANDLE_EMBED_ADDON names it");
  });

  it("one of another version", () => {
    type Binding = Parameters<typeof checkVersion>[0];
    expect(() => checkVersion({ addonVersion: () => "0.0.9" } as Binding)).toThrow(
      /the addon is of candle-embed 0\.0\.9, and this is \d.*: install again/,
    );
    expect(() => checkVersion({} as Binding)).toThrow(/of candle-embed \(no version\)/);
  });
});

describe("the C library of a program", () => {
  /** A 64-bit little-endian ELF file with a note before the program's loader, as elf(5) describes them. */
  function program(loader: string): Buffer {
    const bytes = Buffer.alloc(64 + 2 * 56 + loader.length + 1);
    bytes.write("\x7fELF\x02\x01\x01", 0, "latin1");
    bytes.writeBigUInt64LE(64n, 32);
    bytes.writeUInt16LE(56, 54);
    bytes.writeUInt16LE(2, 56);
    bytes.writeUInt32LE(4, 64);
    bytes.writeUInt32LE(3, 64 + 56);
    bytes.writeBigUInt64LE(176n, 64 + 56 + 8);
    bytes.writeBigUInt64LE(BigInt(loader.length + 1), 64 + 56 + 32);
    bytes.write(loader, 176, "latin1");
    return bytes;
  }

  it("is named by the loader in its file", () => {
    const file = path.join(folder, "program");
    writeFileSync(file, program("/lib/ld-musl-x86_64.so.1"));
    expect(readInterpreter(file)).toBe("/lib/ld-musl-x86_64.so.1");
  });

  it.runIf(process.platform === "linux")("is what readelf says of Node", () => {
    const { stdout } = spawnSync("readelf", ["--program-headers", process.execPath], { encoding: "utf8" });
    const [, loader] = /\[Requesting program interpreter: (.*)\]/.exec(stdout) ?? [];
    expect(loader).toBeDefined();
    expect(readInterpreter(process.execPath)).toBe(loader);
  });

  it.each([
    ["no file", undefined],
    ["an empty file", Buffer.alloc(0)],
    ["no ELF file", Buffer.from("#!/bin/sh\n".repeat(20))],
    ["a file that ends within its headers", program("/lib/ld-musl-x86_64.so.1").subarray(0, 100)],
    [
      "headers far away",
      (() => {
        const far = program("x");
        far.writeBigUInt64LE(1n << 60n, 32);
        return far;
      })(),
    ],
  ])("is not to be had from %s", (name, bytes) => {
    const file = path.join(folder, name.replaceAll(" ", "-"));
    if (bytes !== undefined) writeFileSync(file, bytes);
    expect(readInterpreter(file)).toBeUndefined();
  });
});

describe("npm/", () => {
  const folders = readdirSync(npm).filter((name) => name !== "wasm" && !name.startsWith("cuda-"));

  it("has a folder for every platform with an addon", () => {
    expect(folders.sort()).toEqual(prebuiltPlatforms);
  });

  it.each(folders)("%s: the system, CPU and libc that it is for, and no scripts", (name) => {
    const manifest = JSON.parse(readFileSync(path.join(npm, name, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const root = JSON.parse(readFileSync(path.join(npm, "../package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const [os, cpu, abi] = name.split("-");
    const libc = { gnu: ["glibc"], musl: ["musl"], msvc: undefined }[abi ?? "msvc"];
    expect(manifest).toMatchObject({
      name: `@candle-embed/binding-${name}`,
      version: root["version"],
      license: root["license"],
      os: [os],
      cpu: [cpu],
      main: `candle-embed.${name}.node`,
      files: [`candle-embed.${name}.node`, "THIRD-PARTY-NOTICES"],
      engines: root["engines"],
    });
    expect(manifest["libc"]).toEqual(libc);
    expect(manifest).not.toHaveProperty("scripts");
    expect(manifest).not.toHaveProperty("dependencies");
  });
});

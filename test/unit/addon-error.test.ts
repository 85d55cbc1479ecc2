import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { addonError, prebuiltPlatforms } from "../../src/addon-error.js";

const npm = path.resolve(import.meta.dirname, "../../npm");

/** What the generated loader throws: each attempt's error is the cause of the next. */
function loaderError(...attempts: Error[]): Error {
  const chain = attempts.reduceRight<Error | undefined>((cause, error) => {
    error.cause = cause;
    return error;
  }, undefined);
  return new Error("Cannot find native binding", { cause: chain });
}

const missing = (): Error => Object.assign(new Error("Cannot find module"), { code: "MODULE_NOT_FOUND" });

describe("no addon", () => {
  it.each([
    [{ platform: "freebsd", arch: "x64", glibc: undefined }, "freebsd-x64: none is built for it"],
    [
      { platform: "linux", arch: "riscv64", glibc: "2.39" },
      "linux-riscv64 (glibc 2.39): none is built for it",
    ],
    [{ platform: "linux", arch: "ia32", glibc: undefined }, "linux-ia32 (musl): none is built for it"],
  ])("a platform that has none: %o", (machine, message) => {
    const error = addonError(loaderError(missing()), machine);
    expect(error.code).toBe("DEVICE_UNAVAILABLE");
    expect(error.message).toContain(message);
    expect(error.message).toContain("npm install @candle-embed/wasm");
  });

  it.each([
    [{ platform: "linux", arch: "x64", glibc: "2.36" }, "linux-x64-gnu"],
    [{ platform: "linux", arch: "arm64", glibc: undefined }, "linux-arm64-musl"],
    [{ platform: "darwin", arch: "arm64", glibc: undefined }, "darwin-arm64"],
    [{ platform: "win32", arch: "x64", glibc: undefined }, "win32-x64-msvc"],
  ])("a platform whose package is not installed: %o", (machine, name) => {
    const { message } = addonError(loaderError(missing(), missing()), machine);
    expect(message).toContain(`@candle-embed/binding-${name} is not installed`);
    expect(message).toContain("--omit=optional");
  });

  it("a system that refuses to load it: what its loader says", () => {
    const refused = Object.assign(new Error("/lib/libc.so.6: version `GLIBC_2.17' not found"), {
      code: "ERR_DLOPEN_FAILED",
    });
    const error = addonError(loaderError(missing(), refused), {
      platform: "linux",
      arch: "x64",
      glibc: "2.12",
    });
    expect(error.message).toContain("linux-x64 (glibc 2.12): this system refuses to load it");
    expect(error.message).toContain("version `GLIBC_2.17' not found");
    expect(error.cause).toBeInstanceOf(Error);
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

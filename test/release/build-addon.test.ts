import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";

import { planOf, runtimesOf } from "../../scripts/release/build-addon.mjs";
import { platforms, root } from "../../scripts/release/packages.mjs";

interface Release {
  jobs: {
    build: { strategy: { matrix: { include: { package: string; command: string; target?: string }[] } } };
  };
}

it("each platform has a target of its own, and the file that cargo makes there", () => {
  const { napi } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    napi: { targets: string[] };
  };
  const plans = platforms().map((platform) => ({ platform, ...planOf(platform) }));
  expect(plans.map(({ target }) => target).sort()).toEqual([...napi.targets].sort());
  const files = Object.fromEntries(plans.map(({ platform, file }) => [platform, file.replaceAll("\\", "/")]));
  expect(files).toMatchObject({
    "linux-arm64-musl": "aarch64-unknown-linux-musl/dist/libcandle_embed_napi.so",
    "darwin-x64": "x86_64-apple-darwin/dist/libcandle_embed_napi.dylib",
    "win32-arm64-msvc": "aarch64-pc-windows-msvc/dist/candle_embed_napi.dll",
  });
  const withMetal = plans.filter(({ args }) => args.includes("metal")).map(({ platform }) => platform);
  expect(withMetal).toEqual(["darwin-arm64"]);
});

it("the release installs std for the target that it builds with the host's toolchain", () => {
  const release = parse(readFileSync(path.join(root, ".github/workflows/release.yml"), "utf8")) as Release;
  const rows = release.jobs.build.strategy.matrix.include.filter(({ command }) =>
    command.includes("build-addon.mjs"),
  );
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    expect(row.command).toBe(`node scripts/release/build-addon.mjs ${row.package}`);
    expect(row.target).toBe(planOf(row.package).target);
  }
});

it("Windows' addons are linked with Visual C++'s runtime in them, which a plain Windows does not have", () => {
  for (const target of ["x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc"]) {
    // What cargo tells the compiler for the target, by cargo itself.
    const args = [
      "rustc",
      "-Zunstable-options",
      "--print",
      "cfg",
      "-p",
      "candle-embed-napi",
      "--target",
      target,
    ];
    const env = { ...process.env, RUSTC_BOOTSTRAP: "1" };
    const { stdout } = spawnSync("cargo", args, { cwd: root, encoding: "utf8", env });
    expect(stdout).toContain('target_feature="crt-static"');
  }
  expect(
    runtimesOf(Buffer.from("\0KERNEL32.dll\0VCRUNTIME140.dll\0VCRUNTIME140_1.dll\0VCRUNTIME140.dll\0")),
  ).toEqual(["vcruntime140.dll", "vcruntime140_1.dll"]);
  expect(runtimesOf(Buffer.from("\0KERNEL32.dll\0ntdll.dll\0api-ms-win-crt-math-l1-1-0.dll\0"))).toEqual([]);
});

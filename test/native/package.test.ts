import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { expect, it } from "vitest";
import { publint } from "publint";

import { catalog } from "candle-embed";
import { root, temporaryFolder } from "./support.js";

interface PackResult {
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

function npmPack(folder: string, ...args: string[]): PackResult {
  const npm = process.env["npm_execpath"];
  const [command, ...first] = npm === undefined ? ["npm"] : [process.execPath, npm];
  const json = execFileSync(command, [...first, "pack", "--json", ...args], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const result = JSON.parse(json) as PackResult[] | Record<string, PackResult>;
  return (Array.isArray(result) ? result[0] : Object.values(result)[0]) as PackResult;
}

/** A project that has installed the packed package, the addon and the model as npm lays them out. */
function makeConsumer(): string {
  const consumer = temporaryFolder();
  const modules = path.join(consumer, "node_modules");
  const installed = path.join(modules, "candle-embed");
  mkdirSync(installed, { recursive: true });
  const { filename } = npmPack(root, "--pack-destination", consumer);
  execFileSync("tar", ["-xzf", path.join(consumer, filename), "--strip-components=1", "-C", installed]);

  const addon = readdirSync(root).find((name) => /^candle-embed\..*\.node$/.test(name)) as string;
  const platform = addon.split(".")[1] as string;
  const binding = path.join(modules, "@candle-embed", `binding-${platform}`);
  mkdirSync(binding, { recursive: true });
  cpSync(path.join(root, addon), path.join(binding, addon));
  const manifest = { name: `@candle-embed/binding-${platform}`, version: "0.1.0", main: addon };
  writeFileSync(path.join(binding, "package.json"), JSON.stringify(manifest));

  symlinkSync(
    path.join(root, "models/all-MiniLM-L6-v2"),
    path.join(modules, "@candle-embed/all-minilm-l6-v2"),
  );
  return consumer;
}

it("works where it is installed, with import, with require and from the command line", () => {
  const consumer = makeConsumer();
  const use = `
    const backend = await NativeBackend.load();
    console.log((await backend.embed(["a", "b"])).data.length);
  `;
  writeFileSync(path.join(consumer, "a.mjs"), `import { NativeBackend } from "candle-embed"; ${use}`);
  writeFileSync(
    path.join(consumer, "b.cjs"),
    `const { NativeBackend } = require("candle-embed"); (async () => { ${use} })();`,
  );
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, args, { cwd: consumer, encoding: "utf8" });
  expect(run("a.mjs")).toBe("768\n");
  expect(run("b.cjs")).toBe("768\n");
  expect(run("node_modules/candle-embed/dist/cli/main.js", "similarity", "same", "same")).toBe("1.0000\n");

  // A platform without an addon: the package loads, and says what is missing when it is needed.
  for (const name of readdirSync(path.join(consumer, "node_modules/@candle-embed"))) {
    if (name.startsWith("binding-"))
      rmSync(path.join(consumer, "node_modules/@candle-embed", name), { recursive: true });
  }
  const load = `import { NativeBackend } from "candle-embed";
    await NativeBackend.load().catch(({ code, message }) => console.log(code, message));`;
  writeFileSync(path.join(consumer, "c.mjs"), load);
  expect(run("c.mjs")).toMatch(/^DEVICE_UNAVAILABLE candle-embed has no addon for \S+/);
});

it("has nothing that a package checker complains about", async () => {
  const { messages } = await publint({ pkgDir: root, strict: true });
  expect(messages).toEqual([]);
});

it("holds the compiled code, what `verify` compares with, and no sources, tests or binaries", () => {
  const files = npmPack(root, "--dry-run").files.map((file) => file.path);
  expect(files).toEqual(
    expect.arrayContaining([
      "dist/index.js",
      "dist/index.mjs",
      "dist/index.d.mts",
      "dist/evaluation/index.mjs",
      "scenarios/agent-memory.scenario.json",
      "binding.d.ts",
    ]),
  );
  expect(
    files.filter(
      (file) =>
        !/^(dist\/.*\.(m?js|d\.m?ts)|dist\/evaluation\/.*\.json|scenarios\/[a-z.-]+\.json|binding\.d\.ts|package\.json|[A-Z]+(\.md)?)$/.test(
          file,
        ),
    ),
  ).toEqual([]);
});

it("comes with a model package that is whole and at most 24 MB", () => {
  const { files, unpackedSize } = npmPack(path.join(root, "models/all-MiniLM-L6-v2"), "--dry-run");
  const names = files.map((file) => file.path);
  for (const name of [
    "LICENSE",
    "NOTICE",
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "1_Pooling/config.json",
  ]) {
    expect(names).toContain(name);
  }
  expect(unpackedSize).toBeLessThan(24_000_000);
  // Named for tools that copy what a program needs: what the engine reads, and nothing is left out.
  const { files: named } = createRequire(import.meta.url)("../../models/all-MiniLM-L6-v2") as {
    files: string[];
  };
  const folder = path.join(root, "models/all-MiniLM-L6-v2");
  expect(named.map((file) => path.relative(folder, file)).sort()).toEqual(
    names.filter((name) => /\.(json|safetensors)$/.test(name) && name !== "package.json").sort(),
  );
  expect(catalog[0]?.packageName).toBe("@candle-embed/all-minilm-l6-v2");
});

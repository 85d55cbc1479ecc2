import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

import { accelerators, budgets, packAll, platforms, type Packed } from "../../scripts/release/packages.mjs";
import { root, temporaryFolder } from "../native/support.js";

const folder = temporaryFolder();
let packed: Packed[];

beforeAll(() => {
  packed = packAll(folder, { repository: "https://github.com/example/candle-embed" });
}, 120_000);

function manifestIn(tarball: string): Record<string, unknown> {
  const json = execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" });
  return JSON.parse(json) as Record<string, unknown>;
}

describe("the packages of a release", () => {
  it("are an addon for every platform, the model, WebAssembly, and at last candle-embed, which names them", () => {
    const names = packed.map(({ name }) => name);
    const bindings = platforms().map((platform) => `@candle-embed/binding-${platform}`);
    const gpus = accelerators.map((name) => `@candle-embed/${name}`);
    expect(names).toEqual([
      ...bindings,
      ...gpus,
      "@candle-embed/all-minilm-l6-v2",
      "@candle-embed/wasm",
      "candle-embed",
    ]);
    const main = packed.at(-1) as Packed;
    const { optionalDependencies, dependencies, ...rest } = manifestIn(main.tarball);
    expect(optionalDependencies).toEqual(Object.fromEntries(bindings.map((name) => [name, main.version])));
    expect(dependencies).toEqual({ "@candle-embed/all-minilm-l6-v2": main.version });
    // Found by whoever installs it, in this version; installed by nobody else.
    for (const name of gpus) {
      expect(rest["peerDependencies"]).toHaveProperty([name], main.version);
      expect(rest["peerDependenciesMeta"]).toHaveProperty([name], { optional: true });
    }
  });

  it("run nothing when they are installed, and name the repository that provenance is checked against", () => {
    for (const { tarball } of packed) {
      const manifest = manifestIn(tarball);
      expect(manifest).not.toHaveProperty("scripts");
      expect(manifest).not.toHaveProperty("devDependencies");
      expect(manifest["repository"]).toEqual({
        type: "git",
        url: "git+https://github.com/example/candle-embed.git",
      });
    }
  });

  it("keep to their sizes", () => {
    for (const { name, kind, unpackedSize } of packed) {
      expect(unpackedSize, name).toBeLessThan(budgets[kind]);
    }
    expect(budgets).toMatchObject({ native: 10_000_000, wasm: 6_000_000 });
  });

  it("carry the licences of what is linked into them", () => {
    for (const { name, kind, files } of packed) {
      expect(files, name).toContain("LICENSE");
      if (["native", "cuda", "wasm"].includes(kind)) expect(files, name).toContain("THIRD-PARTY-NOTICES");
    }
  });

  it("hold what they are for and nothing else: no sources, tests, maps or leftovers", () => {
    const everywhere = ["LICENSE", "README.md", "package.json"];
    const allowed: Record<Packed["kind"], RegExp> = {
      native: /^THIRD-PARTY-NOTICES$|^candle-embed\.[\w-]+\.node$/,
      cuda: /^THIRD-PARTY-NOTICES$|^candle-embed\.cuda-[\w-]+\.node$/,
      model: /^NOTICE$|^index\.js$|^[\w-]+\.(json|txt|safetensors)$|^1_Pooling\/config\.json$/,
      wasm: /^THIRD-PARTY-NOTICES$|^dist\/[\w/-]+(\.js|\.d\.ts|_bg\.wasm)$/,
      main: /^binding\.d\.ts$|^scenarios\/[\w.-]+\.json$|^dist\/[\w/.-]+\.(m?js|d\.m?ts|json)$/,
    };
    for (const { name, kind, files } of packed) {
      expect(files, name).toEqual(expect.arrayContaining(everywhere));
      const others = files.filter((file) => !everywhere.includes(file));
      expect(
        others.filter((file) => !allowed[kind].test(file) || /\.(test|tsbuildinfo)\b/.test(file)),
        name,
      ).toEqual([]);
    }
  });

  it("are refused as a release while one has nothing built", () => {
    const complete = packed.every(({ binary }) => binary);
    if (!complete) expect(() => packAll(folder, { missing: "fail" })).toThrow("nothing was built for npm/");
  });
});

it("THIRD-PARTY-NOTICES is what the crates of Cargo.lock make", () => {
  const script = path.join(root, "scripts/release/notices.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
}, 120_000);

it("every package, crate and the changelog speak of one version, and a tag of another is refused", () => {
  const check = (...tag: string[]) =>
    spawnSync(process.execPath, [path.join(root, "scripts/release/check-version.mjs"), ...tag], {
      encoding: "utf8",
    });
  expect(check()).toMatchObject({ status: 0, stderr: "" });
  const wrong = check("v999.0.0");
  expect(wrong.status).toBe(1);
  expect(wrong.stderr).toContain("tag: 999.0.0, but package.json says");
});

it("nothing is published that is not what was packed", async () => {
  const { publishAll } = await import("../../scripts/release/publish.mjs");
  const [first] = packed as [Packed];
  const bytes = readFileSync(first.tarball);
  const entry = {
    name: first.name,
    version: first.version,
    tarball: path.basename(first.tarball),
    sha256: createHash("sha256").update(bytes).update("x").digest("hex"),
  };
  writeFileSync(path.join(folder, "packages.json"), JSON.stringify([entry]));
  expect(() => publishAll(folder, { dryRun: true })).toThrow("is not what was packed");
});

import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { publint } from "publint";

import { root } from "../native/support.js";

const folder = path.join(root, "npm/wasm");

/** The files that would be published, with their sizes. */
function published(): Map<string, number> {
  const entries = readdirSync(path.join(folder, "dist"), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [path.relative(folder, file), statSync(file).size]));
}

describe("@candle-embed/wasm", () => {
  it("has at most 6 MB", () => {
    const bytes = [...published().values()].reduce((sum, size) => sum + size, 0);
    expect(bytes).toBeLessThan(6e6);
  });

  it("was built from the boundary that is committed", () => {
    const name = "candle_embed_wasm.d.ts";
    const built = readFileSync(path.join(folder, "dist/wasm/engine", name), "utf8");
    expect(built).toBe(readFileSync(path.join(root, "src/wasm/engine", name), "utf8"));
  });

  it("has the version of the main package, no dependencies and no scripts", () => {
    const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const main = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Record<string, unknown>;
    expect(manifest["version"]).toBe(main["version"]);
    expect(manifest).not.toHaveProperty("dependencies");
    expect(manifest).not.toHaveProperty("scripts");
  });

  it("has nothing that a package checker complains about", async () => {
    const { messages } = await publint({ pkgDir: folder, strict: true });
    expect(messages).toEqual([]);
  });
});

describe("native packages", () => {
  const addons = readdirSync(path.join(root, "npm"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".node"))
    .map((entry) => path.join(entry.parentPath, entry.name));

  it.skipIf(addons.length === 0)(
    `have at most 10 MB${addons.length === 0 ? " (skipped: none is built: scripts/platforms)" : ""}`,
    () => {
      for (const file of addons) expect(statSync(file).size, file).toBeLessThan(10e6);
    },
  );
});

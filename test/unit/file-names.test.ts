import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

it.each(["src", "scripts", "test/unit", "test/native", "test/cli", "test/server", "test/types"])(
  "names every file in %s in kebab-case",
  (folder) => {
    const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && path.extname(entry.name) !== ".py")
      .map((entry) => entry.name)
      // As wasm-bindgen and cargo name them.
      .filter((name) => !["candle_embed_wasm.d.ts", "Cargo.toml", "Cargo.lock"].includes(name));
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)+$/.test(name))).toEqual([]);
  },
);

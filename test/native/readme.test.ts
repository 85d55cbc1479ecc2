import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { root } from "./support.js";

const read = (name: string) => readFileSync(path.join(root, name), "utf8");

test("the program in the README runs as it stands and finds the answer", () => {
  const program = /```ts\n(.*?)```/s.exec(read("README.md"))?.[1] ?? "";
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: root,
    encoding: "utf8",
  });
  expect(output.split("\n")[0]).toMatch(/^0\.\d{3} Shipping takes three days\.$/);
});

describe("paths that the pages name exist", () => {
  const pages = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "AGENTS.md",
    "test/fixtures/README.md",
    "docs/server.md",
    "docs/integrations.md",
  ];
  test.each(pages)("%s", (page) => {
    const names = read(page).matchAll(
      /`((?:src|crates|scripts|test|models|docs|benches)\/[\w./-]+)`|\]\(([\w./-]+)\)/g,
    );
    for (const [, quoted, linked] of names) {
      const base = linked === undefined ? root : path.dirname(path.join(root, page));
      const file = path.join(base, (quoted ?? linked) as string);
      expect(existsSync(file), file).toBe(true);
    }
  });
});

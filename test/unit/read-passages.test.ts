import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";

import { passageText, readPassages, type FilePassage } from "../../src/utils/read-passages.js";

const folder = mkdtempSync(path.join(tmpdir(), "candle-embed-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function collect(root: string): Promise<FilePassage[]> {
  const passages: FilePassage[] = [];
  for await (const passage of readPassages(root)) passages.push(passage);
  return passages;
}

function add(file: string, content: string | Uint8Array): void {
  const absolute = path.join(folder, file);
  mkdirSync(path.dirname(absolute), { recursive: true });
  writeFileSync(absolute, content);
}

it("reads the documents of a folder and nothing else", async () => {
  add("b.md", "# B\n\ntext b");
  add("a/c.txt", "text c");
  add("a/UPPER.MD", "text upper");
  for (const skipped of ["node_modules/x.md", ".git/x.md", "target/x.md", "dist/x.md", "a/.hidden/x.md"]) {
    add(skipped, "hidden");
  }
  add("program.js", "code");
  add("binary.txt", Buffer.from("text\0more"));
  add("huge.txt", "word ".repeat(500_000));
  // A link to a folder above, one to itself and one to nowhere.
  symlinkSync("..", path.join(folder, "a/up"));
  symlinkSync("self", path.join(folder, "self"));
  symlinkSync("nowhere.md", path.join(folder, "broken.md"));

  expect(await collect(folder)).toEqual([
    { file: path.join("a", "UPPER.MD"), heading: "", text: "text upper", line: 1 },
    { file: path.join("a", "c.txt"), heading: "", text: "text c", line: 1 },
    { file: "b.md", heading: "B", text: "text b", line: 3 },
  ]);
});

it("says when there is no such folder", async () => {
  await expect(collect(path.join(folder, "missing"))).rejects.toMatchObject({ code: "INVALID_INPUT" });
  await expect(collect(path.join(folder, "b.md"))).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

it("puts the headings before what is embedded", () => {
  expect(passageText({ heading: "A > B", text: "text", line: 1 })).toBe("A > B\ntext");
  expect(passageText({ heading: "", text: "text", line: 1 })).toBe("text");
});

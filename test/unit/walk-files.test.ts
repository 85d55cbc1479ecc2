import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

import { walkFiles } from "../../src/utils/walk-files.js";
import { temporaryFolder } from "../native/support.js";

const folder = temporaryFolder();
mkdirSync(path.join(folder, "pictures"));
for (let i = 0; i < 50; i++) writeFileSync(path.join(folder, "pictures", `${String(i)}.png`), "");
writeFileSync(path.join(folder, "a.md"), "a");
symlinkSync("nowhere", path.join(folder, "nothing.md"));
symlinkSync("self", path.join(folder, "self"));
symlinkSync("..", path.join(folder, "pictures", "loop"));

const wanted = { extensions: new Set([".md"]), maxBytes: 100 };

it("follows loops of links once, leaves out links to nothing, and tells what it cannot look at", async () => {
  const unreadable: string[] = [];
  const onUnreadable = (file: string, { code }: NodeJS.ErrnoException): void => {
    unreadable.push(`${path.basename(file)} ${String(code)}`);
  };
  const { signal } = new AbortController();
  const files: string[] = [];
  for await (const file of walkFiles(folder, { ...wanted, signal, onUnreadable })) files.push(file);
  expect(files).toEqual([path.join(folder, "a.md")]);
  expect(unreadable).toEqual(["self ELOOP"]);
});

it("ends with its signal where nothing in a folder is wanted", async () => {
  const controller = new AbortController();
  const options = { ...wanted, signal: controller.signal, onUnreadable: () => expect.fail() };
  const walking = walkFiles(path.join(folder, "pictures"), options).next();
  controller.abort();
  await expect(walking).rejects.toMatchObject({ name: "AbortError" });
});

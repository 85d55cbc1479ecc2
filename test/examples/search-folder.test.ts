import path from "node:path";
import { expect, it } from "vitest";

import { temporaryFolder } from "../native/support.js";
import { folderOfPages, runExample } from "./support.js";

const folder = temporaryFolder();

it("search-folder finds the passage in these pages, and makes its table anew", async () => {
  const table = path.join(folder, "pages.db");
  const pages = folderOfPages();
  const counts: string[] = [];
  for (let time = 0; time < 2; time++) {
    const indexed = await runExample("search-folder/index.mjs", [table, pages]);
    expect(indexed).toMatchObject({ code: 0 });
    counts.push(indexed.stdout);
  }
  expect(counts[0]).toMatch(/^\d{3} passages\n$/);
  expect(counts[1]).toBe(counts[0]);
  const found = await runExample("search-folder/search.mjs", [table, "how to revoke a key of the server"]);
  expect(found).toMatchObject({ code: 0 });
  expect(found.stdout).toMatch(/^0\.\d\d {2}(?:deployment|server)\.md:\d+ {2}/);
});

it("search-folder says how it is used, and that there is nothing to index", async () => {
  expect(await runExample("search-folder/index.mjs")).toMatchObject({ code: 2 });
  const empty = await runExample("search-folder/index.mjs", [path.join(folder, "none"), temporaryFolder()]);
  expect(empty).toMatchObject({ code: 1, stderr: expect.stringContaining("no Markdown") as string });
});

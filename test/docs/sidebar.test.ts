import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

import { outside } from "../../docs/.vitepress/repository.mjs";
import { sidebar } from "../../docs/.vitepress/sidebar.mjs";
import { root } from "../native/support.js";

it("every page of the site can be reached from the sidebar, and nothing else is there", () => {
  const own = readdirSync(path.join(root, "docs"))
    .filter((name) => /^\w[\w-]*\.md$/.test(name) && name !== "index.md")
    .map((name) => name.replace(/\.md$/, ""));
  const pages = [...own, ...outside.keys()].map((address) => `/${address}`);
  // The reference is there once it is built, and makes its own part.
  const sections = sidebar.filter(({ text }) => text !== "API reference");
  const links = sections.flatMap(({ items }) => items.map(({ link }) => link));
  expect(links.toSorted()).toEqual(pages.toSorted());
});

import { copyFileSync } from "node:fs";
import path from "node:path";

import { defineConfig } from "vitepress";

import { indentedCode } from "./indented-code.mjs";
import { repositoryLinks } from "./repository-links.mjs";
import { report, root } from "./repository.mjs";
import { sidebar } from "./sidebar.mjs";

export default defineConfig({
  title: "candle-embed",
  description: "Text embeddings for Node, native and exact",
  lang: "en",
  cleanUrls: true,
  // What the site is made of besides Markdown, and the pages that come through dynamic routes.
  srcExclude: ["node_modules/**"],
  lastUpdated: false,
  buildEnd: ({ outDir }) => copyFileSync(path.join(root, report.file), path.join(outDir, report.address)),
  markdown: {
    config: (markdown) => {
      repositoryLinks(markdown);
      indentedCode(markdown);
    },
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Guide", link: "/getting-started" },
      { text: "Models", link: "/models" },
      { text: "API", link: "/api/" },
    ],
    sidebar,
  },
});

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { defineConfig } from "vitepress";

import { indentedCode } from "./indented-code.mjs";
import { repositoryLinks } from "./repository-links.mjs";
import { outside, root } from "./repository.mjs";

/** A page's first heading. */
function titleOf(file) {
  return /^# (.+)$/m.exec(readFileSync(path.join(root, file), "utf8"))?.[1] ?? file;
}

const examples = [...outside]
  .filter(([address]) => address.startsWith("examples/"))
  .map(([address, file]) => ({ text: titleOf(file), link: `/${address}` }));

/** Written by `npm run api`; the sidebar of the API reference. */
const apiSidebar = path.join(import.meta.dirname, "../api/typedoc-sidebar.json");

export default defineConfig({
  title: "candle-embed",
  description: "Text embeddings for Node, native and exact",
  lang: "en",
  cleanUrls: true,
  // What the site is made of besides Markdown, and the pages that come through dynamic routes.
  srcExclude: ["node_modules/**"],
  lastUpdated: false,
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
    sidebar: [
      {
        text: "Guide",
        items: [
          { text: "Getting started", link: "/getting-started" },
          { text: "Choosing a model", link: "/models" },
          { text: "APIs and fallback", link: "/backends" },
          { text: "Integrations", link: "/integrations" },
          { text: "Troubleshooting", link: "/troubleshooting" },
        ],
      },
      {
        text: "Tools",
        items: [
          { text: "Command line", link: "/cli" },
          { text: "Embedding a corpus", link: "/bulk" },
          { text: "The server", link: "/server" },
          { text: "Running the server", link: "/deployment" },
          { text: "Platforms", link: "/platforms" },
          { text: "GPUs", link: "/gpu" },
          { text: "WebAssembly", link: "/wasm" },
        ],
      },
      {
        text: "How good, how fast",
        items: [
          { text: "Accuracy", link: "/accuracy" },
          { text: "Quality", link: "/quality" },
          { text: "Performance", link: "/performance" },
          { text: "The event loop", link: "/event-loop" },
          { text: "How it is measured", link: "/benchmarks" },
        ],
      },
      { text: "Examples", collapsed: true, items: examples },
      {
        text: "Project",
        collapsed: true,
        items: [
          { text: "Architecture", link: "/architecture" },
          { text: "Contributing", link: "/contributing" },
          { text: "Security", link: "/security" },
          { text: "Changelog", link: "/changelog" },
        ],
      },
      {
        text: "API reference",
        collapsed: true,
        items: existsSync(apiSidebar) ? JSON.parse(readFileSync(apiSidebar, "utf8")) : [],
      },
    ],
  },
});

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

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

/**
 * Every page of the site is in it, which a test holds.
 *
 * @type {{ text: string, collapsed?: boolean, items: { text: string, link: string }[] }[]}
 */
export const sidebar = [
  {
    text: "Guide",
    items: [
      { text: "Getting started", link: "/getting-started" },
      { text: "Choosing a model", link: "/models" },
      { text: "Integrations", link: "/integrations" },
      { text: "APIs and fallback", link: "/backends" },
      { text: "Questions", link: "/faq" },
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
    ],
  },
  {
    text: "Where it runs",
    items: [
      { text: "Platforms", link: "/platforms" },
      { text: "GPUs", link: "/gpu" },
      { text: "Bundlers and packagers", link: "/bundlers" },
      { text: "WebAssembly", link: "/wasm" },
      { text: "What was installed how", link: "/install-matrix" },
    ],
  },
  {
    text: "How good, how fast",
    items: [
      { text: "Accuracy", link: "/accuracy" },
      { text: "Quality", link: "/quality" },
      { text: "Performance", link: "/performance" },
      { text: "The event loop", link: "/event-loop" },
      { text: "Reliability", link: "/reliability" },
      { text: "How it is measured", link: "/benchmarks" },
    ],
  },
  { text: "Examples", collapsed: true, items: examples },
  {
    text: "Project",
    collapsed: true,
    items: [
      { text: "Versions and releases", link: "/versioning" },
      { text: "Changelog", link: "/changelog" },
      { text: "Architecture", link: "/architecture" },
      { text: "Contributing", link: "/contributing" },
      { text: "Security", link: "/security" },
    ],
  },
  {
    text: "API reference",
    collapsed: true,
    items: existsSync(apiSidebar) ? JSON.parse(readFileSync(apiSidebar, "utf8")) : [],
  },
];

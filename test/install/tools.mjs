// The programs of other people that the install test uses, pinned, in the test cache.
import { createHash } from "node:crypto";
import path from "node:path";

import { installInCache } from "../../scripts/npm-cache.mjs";

/** What runs beside a project: a registry, package managers, a checker of types. */
const programs = {
  verdaccio: "6.10.4",
  pnpm: "12.21.0",
  "yarn-classic": "npm:yarn@1.22.22",
  "@yarnpkg/cli-dist": "4.18.1",
  "@arethetypeswrong/cli": "0.18.5",
  typescript: "6.0.3",
  "node-20": `npm:node-${process.platform}-${process.arch}@20.20.2`,
  "node-22": `npm:node-${process.platform}-${process.arch}@22`,
  "node-24": `npm:node-${process.platform}-${process.arch}@24`,
};

/** What projects have installed in them. */
export const bundlers = {
  esbuild: ["esbuild@0.28.2"],
  vite: ["vite@8.3.8"],
  webpack: ["webpack@5.112.2", "webpack-cli@7.3.1"],
  next: ["next@16.4.6", "react@19.3.1", "react-dom@19.3.1"],
  electron: ["electron@45.4.1"],
};

/** Installs the programs where they are missing; gives the folder of their `node_modules`. */
export async function getTools() {
  // Something in verdaccio asks for a tag of node-fetch, which not every mirror has.
  const manifest = { dependencies: programs, overrides: { "node-fetch": "2.7.0" } };
  const key = createHash("sha256").update(JSON.stringify(manifest)).digest("hex").slice(0, 12);
  return path.join(await installInCache(`install-tools-${key}`, manifest), "node_modules");
}

/** The Node that the tools run in, some of which need a newer one than candle-embed. */
export function toolNode(tools) {
  return nodeProgram(tools, 24);
}

/** Node's own program of a major version. */
export function nodeProgram(tools, major) {
  const bin = path.join(tools, `node-${major}`, "bin");
  return path.join(bin, process.platform === "win32" ? "node.exe" : "node");
}

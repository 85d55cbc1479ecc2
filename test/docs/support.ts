import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { root } from "../native/support.js";

/** The pages that users read, from the repository's root. */
export const pages: readonly string[] = [
  "README.md",
  "npm/wasm/README.md",
  ...readdirSync(path.join(root, "docs"))
    .filter((name) => name.endsWith(".md") && !name.startsWith("["))
    .map((name) => `docs/${name}`),
  ...readdirSync(path.join(root, "examples"), { recursive: true, encoding: "utf8" })
    .filter((name) => /^[^/\\]+[/\\]README\.md$/.test(name))
    .map((name) => `examples/${name.replaceAll("\\", "/")}`),
];

/** A block of code between fences. */
export interface Snippet {
  readonly page: string;
  /** Of its first line of code, counted from 1. */
  readonly line: number;
  readonly language: string;
  /** What stands behind the language: `run` for a program that a reader can start as it stands. */
  readonly mark: string;
  readonly code: string;
  /** What it prints: the block behind it, where that is marked as `text output`. */
  readonly output: string | undefined;
}

const fence = /^```(\w+)[ \t]*([^\n]*)\n(.*?)^```$/gms;

export function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(path.join(root, page), "utf8");
  const blocks = [...text.matchAll(fence)].map(
    ({ index, 0: all, 1: language = "", 2: mark = "", 3: code = "" }) => ({
      page,
      line: text.slice(0, index).split("\n").length + 1,
      language,
      mark,
      code,
      end: index + all.length,
      index,
    }),
  );
  return blocks.map((block, at) => {
    const next = blocks[at + 1];
    const follows = next?.mark === "output" && text.slice(block.end, next.index).trim() === "";
    return { ...block, output: follows ? next.code : undefined };
  });
}

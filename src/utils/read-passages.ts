import { readFile, stat } from "node:fs/promises";
import path from "node:path";

import { CandleEmbedError } from "../errors.js";
import { splitMarkdown, type MarkdownPassage } from "./split-markdown.js";
import { walkFiles } from "./walk-files.js";

/** A passage and the file it is from. */
export interface FilePassage extends MarkdownPassage {
  /** Relative to the folder that was read. */
  readonly file: string;
}

const extensions: ReadonlySet<string> = new Set([".md", ".markdown", ".mdx", ".txt"]);

/** Larger text files are data, not documents. */
const maxBytes = 2 * 1024 * 1024;

/**
 * The passages of the Markdown and text files below `folder`.
 *
 * @throws CandleEmbedError `INVALID_INPUT` when `folder` is not a folder.
 */
export async function* readPassages(folder: string): AsyncGenerator<FilePassage, void, undefined> {
  const stats = await stat(folder).catch(() => undefined);
  if (stats?.isDirectory() !== true) {
    throw new CandleEmbedError("INVALID_INPUT", `there is no folder ${folder}`);
  }
  for await (const absolute of walkFiles(folder, extensions, maxBytes)) {
    const bytes = await readFile(absolute).catch(() => undefined);
    if (bytes === undefined || bytes.includes(0)) continue;
    const file = path.relative(folder, absolute);
    for (const passage of splitMarkdown(bytes.toString("utf8"))) yield { file, ...passage };
  }
}

/** What is embedded of a passage: short paragraphs mean little without the headings above them. */
export function passageText(passage: MarkdownPassage): string {
  return passage.heading === "" ? passage.text : `${passage.heading}\n${passage.text}`;
}

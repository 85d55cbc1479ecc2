import { readFile } from "node:fs/promises";
import path from "node:path";

import type { DocumentFormat } from "../chunking/blocks.js";
import { CandleEmbedError } from "../errors.js";

const markdown = [".md", ".markdown", ".mdx"];
const text = [".txt", ".text", ".rst", ".adoc", ".org", ".tex"];
const code = [
  ...[
    ".c",
    ".cc",
    ".cpp",
    ".cs",
    ".css",
    ".dart",
    ".ex",
    ".exs",
    ".go",
    ".h",
    ".hpp",
    ".hs",
    ".html",
    ".java",
  ],
  ...[
    ".cjs",
    ".cts",
    ".js",
    ".jsx",
    ".kt",
    ".lua",
    ".mjs",
    ".mts",
    ".ml",
    ".php",
    ".pl",
    ".proto",
    ".py",
    ".r",
  ],
  ...[
    ".rb",
    ".rs",
    ".scala",
    ".scss",
    ".sh",
    ".sql",
    ".svelte",
    ".swift",
    ".tf",
    ".toml",
    ".ts",
    ".tsx",
    ".vue",
  ],
  ...[".yaml", ".yml", ".zig"],
];

const formats: ReadonlyMap<string, DocumentFormat> = new Map([
  ...markdown.map((ending) => [ending, "markdown"] as const),
  ...text.map((ending) => [ending, "text"] as const),
  ...code.map((ending) => [ending, "code"] as const),
]);

/** The endings of files that are read as documents when they are found in a folder. */
export const documentEndings: ReadonlySet<string> = new Set(formats.keys());

/** How a file is read, by its ending. */
export function formatOfFile(file: string): DocumentFormat {
  return formats.get(path.extname(file).toLowerCase()) ?? "text";
}

/**
 * The text of a file.
 *
 * @throws CandleEmbedError `INVALID_INPUT` where it is not text in UTF-8.
 */
export async function readDocument(file: string): Promise<string> {
  return decodeDocument(file, await readFile(file));
}

/** The text of bytes in UTF-8; a byte order mark stays, so that positions are those of the file. */
export function decodeDocument(name: string, bytes: Uint8Array): string {
  if (bytes.includes(0)) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `${name} is not text: it has zero bytes; extract its text first`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const tooLong = (cause as NodeJS.ErrnoException).code === "ERR_STRING_TOO_LONG";
    const reason = tooLong
      ? "is too large for one document; cut it into files"
      : "is not UTF-8; convert it first, with iconv for example";
    throw new CandleEmbedError("INVALID_INPUT", `${name} ${reason}`, { cause });
  }
}

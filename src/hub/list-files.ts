import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";

import { fileSize } from "./link.js";

/** Everything below a folder that is no folder. Links are given, not followed; where the folder is not there, nothing is. */
export async function* walkFolder(
  folder: string,
): AsyncGenerator<{ file: string; entry: Dirent }, void, undefined> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* walkFolder(file);
    else yield { file, entry };
  }
}

/** The files in a folder of the cache, in its folders too, by name with `/`; their sizes are those of what links lead to. */
export async function listFiles(folder: string): Promise<Map<string, number>> {
  const files = new Map<string, number>();
  for await (const { file } of walkFolder(folder)) {
    const size = await fileSize(file);
    if (size !== undefined) files.set(path.relative(folder, file).split(path.sep).join("/"), size);
  }
  return files;
}

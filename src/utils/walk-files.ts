import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";

/** Folders that hold other people's or generated text. Hidden folders (`.git`, `.venv`) are left out as well. */
const skippedFolders = new Set(["node_modules", "target", "dist"]);

/**
 * The files below `folder` with one of these endings, of at most `maxBytes`, in the order of their paths. Links are
 * followed, each real folder once, so that a loop of links ends; what cannot be read is left out.
 */
export async function* walkFiles(
  folder: string,
  extensions: ReadonlySet<string>,
  maxBytes: number,
): AsyncGenerator<string, void, undefined> {
  yield* walk(folder, new Set(), { extensions, maxBytes });
}

interface Filter {
  readonly extensions: ReadonlySet<string>;
  readonly maxBytes: number;
}

async function* walk(
  folder: string,
  visited: Set<string>,
  filter: Filter,
): AsyncGenerator<string, void, undefined> {
  const real = await realpath(folder).catch(() => undefined);
  if (real === undefined || visited.has(real)) return;
  visited.add(real);
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort()) {
    const entry = path.join(folder, name);
    const stats = await stat(entry).catch(() => undefined);
    if (stats?.isDirectory() === true) {
      if (!skippedFolders.has(name) && !name.startsWith(".")) yield* walk(entry, visited, filter);
    } else if (stats?.isFile() === true) {
      const wanted = filter.extensions.has(path.extname(name).toLowerCase());
      if (wanted && stats.size <= filter.maxBytes) yield entry;
    }
  }
}

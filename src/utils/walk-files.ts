import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";

export interface WalkOptions {
  /** Of the files that are wanted, in small letters. */
  readonly extensions: ReadonlySet<string>;
  /** Of the largest file that is wanted. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Told of files and folders that are there and cannot be looked at, with the system's reason. */
  readonly onUnreadable: (file: string, error: NodeJS.ErrnoException) => void;
}

/** Folders that hold other people's or generated text. Hidden folders (`.git`, `.venv`) are left out as well. */
const skippedFolders = new Set(["node_modules", "target", "dist"]);

/**
 * The files below `folder` that are wanted, in the order of their paths. Links are followed, each real folder once, so that
 * a loop of links ends.
 */
export async function* walkFiles(
  folder: string,
  options: WalkOptions,
): AsyncGenerator<string, void, undefined> {
  yield* walk(folder, new Set(), options);
}

async function* walk(
  folder: string,
  visited: Set<string>,
  options: WalkOptions,
): AsyncGenerator<string, void, undefined> {
  const { extensions, maxBytes, signal, onUnreadable } = options;
  signal.throwIfAborted();
  /** `undefined` for what is gone, and for what cannot be looked at, which is told: it may hold anything. */
  const look = async <Result>(file: string, call: Promise<Result>): Promise<Result | undefined> => {
    try {
      return await call;
    } catch (error) {
      if (!isGone(error)) onUnreadable(file, error as NodeJS.ErrnoException);
      return undefined;
    }
  };
  const real = await look(folder, realpath(folder));
  if (real === undefined || visited.has(real)) return;
  visited.add(real);
  const names = (await look(folder, readdir(folder))) ?? [];
  for (const name of names.sort()) {
    signal.throwIfAborted();
    const entry = path.join(folder, name);
    const stats = await look(entry, stat(entry));
    if (stats?.isDirectory() === true) {
      if (!skippedFolders.has(name) && !name.startsWith(".")) yield* walk(entry, visited, options);
    } else if (stats?.isFile() === true) {
      if (extensions.has(path.extname(name).toLowerCase()) && stats.size <= maxBytes) yield entry;
    }
  }
}

/** Whether the system says that nothing is there: a file that went meanwhile, or a link to nothing. */
export function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

import { mkdir } from "node:fs/promises";
import path from "node:path";

/** Makes a folder and those it is in, where they are missing. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    // On a file system that can only be read, Node's recursive mkdir answers ENOENT; plain mkdir knows the reason.
    if (path.dirname(folder) !== folder) await makeFolder(path.dirname(folder));
    await mkdir(folder).catch((reason: unknown) => {
      if ((reason as NodeJS.ErrnoException).code !== "EEXIST") throw reason;
    });
  }
}

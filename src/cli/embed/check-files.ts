import { open, realpath } from "node:fs/promises";
import path from "node:path";

import { filesBeside } from "../../bulk/file-destination.js";
import { UsageError } from "../command.js";

/** The files of a run, without links. */
interface RunFiles {
  /** What `--file` says. */
  readonly input: string | undefined;
  readonly output: string | undefined;
  readonly errors: string | undefined;
  readonly cache: string | undefined;
}

/** Refuses a run in which a file would take the place of another one, or of something that is no result of a run. */
export async function checkFiles({ input, output, errors, cache }: RunFiles): Promise<void> {
  const named = [
    // A file that is not there is met when it is read.
    ["--file", input && input !== "-" ? await realpath(input).catch(() => undefined) : undefined],
    ["--errors", errors],
    ["--cache", cache],
    ["--output", output],
  ] as const;
  const seen = new Map<string, string>();
  for (const [option, file] of named) {
    if (file === undefined) continue;
    const other = seen.get(file);
    if (other !== undefined) {
      throw new UsageError(
        `${other} and ${option} are the same file: the one would take the place of the other`,
      );
    }
    seen.set(file, option);
  }
  if (output !== undefined) {
    for (const [file, option] of seen) {
      if (!filesBeside(output).includes(file) && !file.startsWith(output + path.sep)) continue;
      throw new UsageError(`${option} is ${file}, which the run with this --output replaces: name another`);
    }
  }
  if (errors !== undefined && !(await holdsErrors(errors))) {
    throw new UsageError(
      `${errors} is there and holds no lines that could not be used; it is not replaced: name another --errors`,
    );
  }
}

/** Whether a file is absent, empty or what an earlier run wrote to it. */
async function holdsErrors(file: string): Promise<boolean> {
  const handle = await open(file, "r").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (handle === undefined) return true;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(100), 0, 100, 0);
    return bytesRead === 0 || /^\{"line":\d+,"index":\d+,"reason":"/.test(buffer.toString("latin1"));
  } finally {
    await handle.close();
  }
}

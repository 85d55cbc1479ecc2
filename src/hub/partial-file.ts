import { createHash, randomBytes } from "node:crypto";
import { open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { threadId } from "node:worker_threads";

import { ContentHash, type ExpectedContent } from "./content-hash.js";

/** A download whose file has not grown for this long is over, whoever it belonged to. */
const abandonedAfterMs = 10 * 60_000;

const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
const mine = `${machine}-${String(process.pid)}-${String(threadId)}`;

/** Names of the files this thread is writing. */
const active = new Set<string>();

/**
 * A file that is being downloaded, under a name that no other process uses: `<etag>.<owner>.incomplete` beside the blob it
 * becomes. Only the process that made it writes to it, so that no lock is needed for it to be right.
 */
export class PartialFile {
  readonly #file: string;
  readonly #expected: ExpectedContent;
  readonly #handle: FileHandle;
  #hash: ContentHash;

  private constructor(file: string, expected: ExpectedContent, handle: FileHandle) {
    this.#file = file;
    this.#expected = expected;
    this.#handle = handle;
    this.#hash = new ContentHash(expected);
  }

  /** A new file in `folder`, with what the longest abandoned download of the same content got. */
  static async open(folder: string, expected: ExpectedContent): Promise<PartialFile> {
    const name = `${expected.etag}.${mine}-${randomBytes(4).toString("hex")}.incomplete`;
    // Before the file is there: otherwise another download of this thread could take it for abandoned.
    active.add(name);
    const handle = await open(path.join(folder, name), "wx+").catch((error: unknown) => {
      active.delete(name);
      throw error;
    });
    const partial = new PartialFile(path.join(folder, name), expected, handle);
    try {
      const [longest, ...others] = await abandonedFiles(folder, expected.etag);
      for (const other of others) await rm(other, { force: true });
      if (longest !== undefined) await partial.#adopt(longest);
      return partial;
    } catch (error) {
      await partial.discard();
      throw error;
    }
  }

  /** Bytes so far. */
  get size(): number {
    return this.#hash.size;
  }

  async write(chunk: Buffer): Promise<void> {
    for (let from = 0; from < chunk.length;) {
      const { bytesWritten } = await this.#handle.write(chunk, from, chunk.length - from, this.size + from);
      from += bytesWritten;
    }
    this.#hash.update(chunk);
  }

  /** Forgets what is there. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = new ContentHash(this.#expected);
  }

  /** Whether the content is right. To be asked once; afterwards {@link restart} or {@link publish}. */
  isRight(): boolean {
    return this.#hash.isRight();
  }

  /**
   * Makes the file visible as `target`, whole and on the disk. `false` where it is gone: a process that could not see that
   * this one is alive (in another container, say) took it for abandoned.
   */
  async publish(target: string): Promise<boolean> {
    await this.#handle.sync();
    await this.#handle.close();
    try {
      await rename(this.#file, target);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    } finally {
      active.delete(path.basename(this.#file));
    }
  }

  /** Leaves the file for the next run to go on with. */
  async keep(): Promise<void> {
    await this.#close();
    if (this.size === 0) await rm(this.#file, { force: true });
  }

  async discard(): Promise<void> {
    await this.#close();
    await rm(this.#file, { force: true });
  }

  async #close(): Promise<void> {
    await this.#handle.close();
    active.delete(path.basename(this.#file));
  }

  /**
   * Copies an abandoned file and removes it. Renaming it would be quicker, but its owner, should it live after all (a
   * process that was stopped, another machine's clock), would write on into what has been checked by then.
   */
  async #adopt(abandoned: string): Promise<void> {
    const source = await open(abandoned, "r").catch(() => undefined);
    // Somebody else was quicker.
    if (source === undefined) return;
    try {
      const buffer = Buffer.allocUnsafe(1 << 20);
      while (this.size < this.#expected.size) {
        const room = Math.min(buffer.length, this.#expected.size - this.size);
        const { bytesRead } = await source.read(buffer, 0, room, this.size);
        if (bytesRead === 0) break;
        await this.write(buffer.subarray(0, bytesRead));
      }
    } finally {
      await source.close();
      await rm(abandoned, { force: true });
    }
  }
}

/** Removes what earlier downloads left in `folder` and nobody will go on with. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const file of await abandonedFiles(folder)) await rm(file, { force: true });
}

/** The abandoned downloads in `folder` (of one content), longest first. */
async function abandonedFiles(folder: string, etag?: string): Promise<string[]> {
  const found: { file: string; size: number }[] = [];
  for (const name of await readdir(folder)) {
    const [, content, owner, pid, thread] = /^(\w+)\.(\w+)-(\d+)-(\d+)-\w+\.incomplete$/.exec(name) ?? [];
    if (content === undefined || (etag !== undefined && content !== etag) || active.has(name)) continue;
    const file = path.join(folder, name);
    const stats = await stat(file).catch(() => undefined);
    if (stats === undefined) continue;
    const over =
      Date.now() - stats.mtimeMs > abandonedAfterMs ||
      (owner === machine && isOver(Number(pid), Number(thread)));
    if (over) found.push({ file, size: stats.size });
  }
  return found.sort((a, b) => b.size - a.size).map(({ file }) => file);
}

/** Whether the thread that wrote a file, on this machine, is over: its process has ended, or it is this very thread. */
function isOver(pid: number, thread: number): boolean {
  if (pid === process.pid) return thread === threadId;
  return !isAlive(pid);
}

/** Whether there is a process of this number on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

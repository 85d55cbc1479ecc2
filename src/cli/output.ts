import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, type Stats } from "node:fs";
import { lstat, open, readlink, realpath, rename, rm, stat, type FileHandle } from "node:fs/promises";
import path from "node:path";
import type { Writable } from "node:stream";

import { untilAborted } from "../utils/until-aborted.js";
import { UsageError, type Context } from "./command.js";
import { write } from "./write.js";

/** Where a command's result goes. */
export interface Output {
  /** Whether {@link rewriteStart} works. */
  readonly seekable: boolean;
  write(chunk: string | Uint8Array): Promise<void>;
  /** Overwrites the first bytes, for headers that are known only at the end. */
  rewriteStart(bytes: Uint8Array): Promise<void>;
  /** Makes the result visible. */
  commit(): Promise<void>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

/**
 * Standard output; or a file that appears under its name only when it is complete; or a pipe or device, which is written
 * to as it is.
 */
export async function openOutput(
  file: string | undefined,
  { stdout, signal }: Pick<Context, "stdout" | "signal">,
): Promise<Output> {
  if (file === undefined) return new StreamOutput(stdout, signal);
  const existing = await unlessAbsent(stat(file));
  if (existing?.isDirectory() === true || file === "" || file.endsWith(path.sep)) {
    throw new UsageError(`--output must name a file, not the folder ${JSON.stringify(file)}`);
  }
  if (existing?.isFile() === false) return openDevice(file, signal);
  return openPartial(await realTarget(file), existing);
}

async function openDevice(file: string, signal: AbortSignal): Promise<Output> {
  const stream = createWriteStream(file);
  // Errors reach whoever waits: for the opening here, later for the write that failed.
  stream.on("error", () => undefined);
  // A pipe opens when somebody reads it.
  await once(stream, "open", { signal });
  return new DeviceOutput(stream, signal);
}

/** The partial file lies beside its target: only within a file system is renaming done in one step. */
async function openPartial(target: string, existing: Stats | undefined): Promise<Output> {
  const partial = `${target}.${randomBytes(4).toString("hex")}.partial`;
  const mode = existing && existing.mode & 0o7777;
  const handle = await open(partial, "wx", mode);
  const output = new FileOutput(handle, partial, target);
  try {
    // The mode of a new file is cut by the umask.
    if (mode !== undefined) await handle.chmod(mode);
    return output;
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/** The path without links; the last one may point to a file that is not there yet. */
async function realTarget(file: string): Promise<string> {
  const real = await unlessAbsent(realpath(file));
  if (real !== undefined) return real;
  const folder = await realpath(path.dirname(file));
  const target = path.join(folder, path.basename(file));
  const stats = await unlessAbsent(lstat(target));
  if (stats?.isSymbolicLink() !== true) return target;
  return realTarget(path.resolve(folder, await readlink(target)));
}

async function unlessAbsent<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

class StreamOutput implements Output {
  readonly seekable = false;
  protected readonly stream: Writable;
  readonly #signal: AbortSignal;

  constructor(stream: Writable, signal: AbortSignal) {
    this.stream = stream;
    this.#signal = signal;
  }

  write(chunk: string | Uint8Array): Promise<void> {
    // A reader that stands still holds a write up for ever.
    return untilAborted(this.#signal, () => write(this.stream, chunk));
  }

  rewriteStart(): Promise<void> {
    return Promise.reject(new Error("a stream cannot be rewritten"));
  }

  async commit(): Promise<void> {
    // Every write has been waited for.
  }

  async discard(): Promise<void> {
    // What is out is out.
  }
}

class DeviceOutput extends StreamOutput {
  override commit(): Promise<void> {
    this.stream.destroy();
    return Promise.resolve();
  }

  override discard(): Promise<void> {
    return this.commit();
  }
}

class FileOutput implements Output {
  readonly seekable = true;
  readonly #handle: FileHandle;
  readonly #partial: string;
  readonly #target: string;

  constructor(handle: FileHandle, partial: string, target: string) {
    this.#handle = handle;
    this.#partial = partial;
    this.#target = target;
  }

  async write(chunk: string | Uint8Array): Promise<void> {
    await this.#handle.writeFile(chunk);
  }

  async rewriteStart(bytes: Uint8Array): Promise<void> {
    await this.#handle.write(bytes, 0, bytes.length, 0);
  }

  async commit(): Promise<void> {
    await this.#handle.close();
    await rename(this.#partial, this.#target);
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#partial, { force: true });
  }
}

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { lstat, readlink, realpath, stat } from "node:fs/promises";
import path from "node:path";
import type { Writable } from "node:stream";

import { withFiles } from "../bulk/file-destination.js";
import type { Output } from "../bulk/output.js";
import { CandleEmbedError } from "../errors.js";
import { untilAborted } from "../utils/until-aborted.js";
import { UsageError, type Context } from "./command.js";
import { write } from "./write.js";

/** A file that appears under its name when it is complete. */
export interface TargetFile {
  /** Behind all links. */
  readonly target: string;
  /** Of the file that is there already. */
  readonly mode: number | undefined;
}

/** What `--output` says; `undefined` for standard output, which `-` stands for. */
export function outputName(file: string | undefined): string | undefined {
  return file === "-" ? undefined : file;
}

/** The file that an option names, to be made or replaced: no pipe, no device. */
export async function findFile(option: string, file: string): Promise<TargetFile> {
  if (file === "-") throw new UsageError(`--${option} must name a file, not standard output`);
  const found = await findOutput(file, false, option);
  if (found !== undefined) return found;
  throw new UsageError(`--${option} must name a file, not the pipe or device ${JSON.stringify(file)}`);
}

/**
 * What `--output` names: a file to be made or replaced, or a pipe or device, which is written to as it is.
 *
 * @param folder Whether the result is a folder itself, as a Lance dataset is.
 * @param option What names it, where that is another one.
 */
export async function findOutput(
  file: string,
  folder: boolean,
  option = "output",
): Promise<TargetFile | undefined> {
  const existing = await unlessAbsent(stat(file));
  if (file === "" || (!folder && (existing?.isDirectory() === true || file.endsWith(path.sep)))) {
    throw new UsageError(`--${option} must name a file, not the folder ${JSON.stringify(file)}`);
  }
  if (folder) {
    const target = path.resolve(file);
    const versions = await unlessAbsent(stat(path.join(target, "_versions")));
    if (existing !== undefined && versions === undefined) {
      throw new UsageError(`${JSON.stringify(file)} is there and no Lance dataset; it is not replaced`);
    }
    return { target, mode: undefined };
  }
  if (existing?.isFile() === false) return undefined;
  return { target: await realTarget(file), mode: existing && existing.mode & 0o7777 };
}

/** Does `work` with what `--output` says; a file appears under its name when all is written. */
export async function withOutput(
  option: string | undefined,
  context: Pick<Context, "stdout" | "stderr" | "signal">,
  work: (output: Output) => Promise<void>,
): Promise<void> {
  const file = outputName(option);
  const found = file === undefined ? undefined : await findOutput(file, false);
  if (found === undefined) {
    const stream = await openStream(file, context);
    try {
      await work(stream);
    } finally {
      stream.close();
    }
    return;
  }
  const onWait = waitTeller(context, found.target);
  const options = { ...found, parts: "target", restart: false, signal: context.signal, onWait } as const;
  await withFiles(options, async (destination) => {
    for (const output of destination.outputs) await work(output);
    await destination.finish();
  });
}

/** Says that another run holds the output, which is waited for. */
export function waitTeller({ stderr }: Pick<Context, "stderr">, target: string): (lock: string) => void {
  return (lock) =>
    void stderr.write(`candle-embed: waiting for another run that writes to ${target} (${lock})\n`);
}

/** Standard output, or the pipe or device of that name. */
export async function openStream(
  file: string | undefined,
  { stdout, signal }: Pick<Context, "stdout" | "signal">,
): Promise<StreamOutput> {
  if (file === undefined) return new StreamOutput(stdout, signal);
  const stream = createWriteStream(file);
  // Errors reach whoever waits: for the opening here, later for the write that failed.
  stream.on("error", () => undefined);
  // A pipe opens when somebody reads it.
  await once(stream, "open", { signal });
  return new DeviceOutput(stream, signal);
}

/** The path without links; the last one may point to a file that is not there yet. */
async function realTarget(file: string): Promise<string> {
  const real = await unlessAbsent(realpath(file));
  if (real !== undefined) return real;
  const parent = path.dirname(file);
  const folder = await unlessAbsent(realpath(parent));
  if (folder === undefined) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `there is no folder ${parent} to write ${path.basename(file)} to`,
    );
  }
  const target = path.join(folder, path.basename(file));
  const stats = await unlessAbsent(lstat(target));
  if (stats?.isSymbolicLink() !== true) return target;
  return realTarget(path.resolve(folder, await readlink(target)));
}

async function unlessAbsent<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    // Below a file there is nothing either.
    if (["ENOENT", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw error;
  }
}

/** See {@link openStream}. */
export class StreamOutput implements Output {
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

  /** Every write has been waited for; standard output is not ours to close. */
  close(): void {
    // nothing to close
  }
}

class DeviceOutput extends StreamOutput {
  override close(): void {
    this.stream.destroy();
  }
}

import { open, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";

import { CandleEmbedError } from "../errors.js";
import { withLock } from "../hub/lock.js";
import type { Destination } from "./destination.js";
import {
  firstState,
  journalHead,
  journalLine,
  readJournal,
  refusal,
  type Description,
  type JournalContents,
  type JournalEntry,
  type RunState,
} from "./journal.js";
import { PartFile } from "./part-file.js";

/** Syncing costs tens of milliseconds on some disks; so often, it is lost in the work. */
const syncEveryMs = 5_000;

/** A run that was killed on another machine holds its lock for as long as nobody can know that (see `withLock`). */
const lockPatienceMs = 20_000;

/** The lock of a process that is gone is taken over in less. */
const quietWaitMs = 500;

export interface FileDestinationOptions {
  /** The file (or Lance folder) that appears at the end. */
  readonly target: string;
  /** Of the target where it is there already. */
  readonly mode?: number | undefined;
  /** What to write: the target itself, or records and vectors it is made of. */
  readonly parts: "target" | "records and vectors";
  /** Where lines that cannot be used go; absent: nowhere. */
  readonly errors?: string | undefined;
  /** What the run is; absent where the input cannot be read again, so that nothing can be gone on with. */
  readonly description?: Description | undefined;
  /** Begins anew where an unfinished run is found. */
  readonly restart: boolean;
  readonly signal: AbortSignal;
  /** Told once where another run holds the target, with its lock. */
  readonly onWait?: ((lock: string) => void) | undefined;
}

/**
 * Does `work` with files beside the target: its parts, the errors and the journal. What was committed survives the end
 * of the process at any moment, and the next run with the same description goes on behind it.
 */
export async function withFiles(
  options: FileDestinationOptions,
  work: (destination: FileDestination) => Promise<void>,
): Promise<void> {
  const lock = lockFile(options.target);
  const begin = Date.now();
  let told = false;
  const isDone = (): Promise<boolean> => {
    const waited = Date.now() - begin;
    if (waited >= quietWaitMs && !told) {
      told = true;
      options.onWait?.(lock);
    }
    if (waited < lockPatienceMs) return Promise.resolve(false);
    throw new CandleEmbedError("INVALID_INPUT", `another run writes to ${options.target} (${lock} is held)`);
  };
  await withLock(lock, options.signal, isDone, async () => {
    const destination = await FileDestination.open(options);
    try {
      await work(destination);
    } catch (error) {
      await destination.abandon();
      throw error;
    }
  });
}

/** See {@link withFiles}. */
export class FileDestination implements Destination {
  readonly #options: FileDestinationOptions;
  readonly #outputs: readonly PartFile[];
  readonly #errors: PartFile | undefined;
  #journal: PartFile | undefined;
  #state: RunState = firstState;
  #finished = false;
  #lastSync = Date.now();

  private constructor(options: FileDestinationOptions, outputs: readonly PartFile[], errors?: PartFile) {
    this.#options = options;
    this.#outputs = outputs;
    this.#errors = errors;
  }

  static async open(options: FileDestinationOptions): Promise<FileDestination> {
    const { target, mode, parts, errors } = options;
    const contents = await findJournal(options);
    if (contents?.finished === true) {
      const done = new FileDestination(options, []);
      done.#state = contents.entries.at(-1) ?? firstState;
      done.#finished = true;
      return done;
    }
    const paths =
      parts === "target" ? [partial(target)] : [`${target}.records.partial`, `${target}.vectors.partial`];
    const opened: PartFile[] = [];
    try {
      for (const file of paths) opened.push(await PartFile.open(file, mode));
      const errorFile = errors === undefined ? undefined : await PartFile.open(errors);
      const destination = new FileDestination(options, [...opened], errorFile);
      if (errorFile !== undefined) opened.push(errorFile);
      await destination.#begin(contents);
      return destination;
    } catch (error) {
      await Promise.all(opened.map((part) => part.close()));
      throw error;
    }
  }

  /** None where an earlier run had everything done, and ended before the names were changed. */
  get outputs(): readonly PartFile[] {
    return this.#outputs;
  }

  get errors(): PartFile | undefined {
    return this.#errors;
  }

  get state(): RunState {
    return this.#state;
  }

  async commit(state: RunState): Promise<void> {
    this.#state = state;
    if (this.#journal === undefined) return;
    const synced = Date.now() - this.#lastSync >= syncEveryMs;
    if (synced) await Promise.all(this.#parts().map((part) => part.sync()));
    const parts = this.#parts().map((part) => part.takeState());
    await this.#journal.write(journalLine({ ...state, parts, ...(synced && { synced }) }));
    if (!synced) return;
    await this.#journal.sync();
    this.#lastSync = Date.now();
  }

  /**
   * Makes the result visible.
   *
   * @param build Makes the final file at a path, where {@link outputs} are not it.
   */
  async finish(build?: (file: string) => Promise<void>): Promise<void> {
    const { target } = this.#options;
    if (!this.#finished) {
      await Promise.all(this.#parts().map((part) => part.sync()));
      await build?.(partial(target));
      await this.#journal?.write(journalLine({ finished: true }));
      await this.#journal?.sync();
    }
    const hasErrors = (this.#errors?.size ?? this.#state.bad) > 0;
    await this.#close();
    await replace(partial(target), target);
    await syncFolder(target);
    await removeAll([
      ...recordsAndVectors(target),
      ...(hasErrors || this.#options.errors === undefined ? [] : [this.#options.errors]),
    ]);
    // Last: until here, the next run finds what is left to be done.
    await rm(journalFile(target), { force: true });
  }

  /** Ends the use of it without a result. What nobody can go on with, or would gain by going on with, is removed. */
  async abandon(): Promise<void> {
    await this.#close();
    const { target, errors, description } = this.#options;
    if (description !== undefined && this.#state.position !== undefined) return;
    await removeAll([
      journalFile(target),
      partial(target),
      ...recordsAndVectors(target),
      ...(errors === undefined ? [] : [errors]),
    ]);
  }

  #parts(): readonly PartFile[] {
    return this.#errors === undefined ? this.#outputs : [...this.#outputs, this.#errors];
  }

  async #close(): Promise<void> {
    const open = [...this.#parts(), ...(this.#journal === undefined ? [] : [this.#journal])];
    this.#journal = undefined;
    await Promise.all(open.map((part) => part.close().catch(() => undefined)));
  }

  /** Cuts the files to what was committed last, and opens the journal behind it. */
  async #begin(contents: JournalContents | undefined): Promise<void> {
    const { target, description } = this.#options;
    const kept = contents === undefined ? [] : await this.#trusted(contents.entries);
    const last = kept.at(-1);
    for (const [i, part] of this.#parts().entries()) await part.cut(last?.parts[i]?.size ?? 0);
    if (last !== undefined) this.#state = last;
    // What an earlier run left half made of the final file.
    if (this.#options.parts !== "target") await removeAll([partial(target), `${partial(target)}.database`]);
    if (description === undefined) return;
    await Promise.all(this.#parts().map((part) => part.sync()));
    // A new journal takes the old one's place whole: killed in between, the next run still has one of them.
    const scratch = `${journalFile(target)}.new`;
    this.#journal = await PartFile.open(scratch);
    await this.#journal.cut(0);
    const line = last === undefined ? "" : journalLine({ ...last, synced: true });
    await this.#journal.write(journalHead(description) + line);
    await this.#journal.sync();
    await rename(scratch, journalFile(target));
    await syncFolder(target);
  }

  /**
   * The entries whose bytes are in the files. Up to the last synced one nothing needs to be looked at; behind it, after a
   * power cut, the journal may have reached the disk and the vectors not.
   */
  async #trusted(entries: readonly JournalEntry[]): Promise<readonly JournalEntry[]> {
    const from = entries.findLastIndex(({ synced }) => synced === true);
    const trusted = entries.slice(0, from + 1);
    const sizes = trusted.at(-1)?.parts ?? [];
    for (const [i, part] of this.#parts().entries()) {
      if (await part.reaches(sizes[i]?.size ?? 0)) continue;
      throw refusal(journalFile(this.#options.target), `tells of more than ${part.path} holds`);
    }
    for (const entry of entries.slice(from + 1)) {
      const before = trusted.at(-1)?.parts;
      const held = await Promise.all(
        this.#parts().map(async (part, i) => {
          const state = entry.parts[i];
          return state !== undefined && (await part.holds(before?.[i]?.size ?? 0, state));
        }),
      );
      if (held.includes(false)) break;
      trusted.push(entry);
    }
    return trusted;
  }
}

async function findJournal({
  target,
  description,
  restart,
}: FileDestinationOptions): Promise<JournalContents | undefined> {
  const file = journalFile(target);
  if (restart) {
    await removeAll([file]);
    return undefined;
  }
  const content = await readFile(file, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (content === undefined) return undefined;
  if (description === undefined) throw refusal(file, "belongs to a run that is not finished");
  return readJournal(file, content, description);
}

function journalFile(target: string): string {
  return `${target}.journal`;
}

function partial(target: string): string {
  return `${target}.partial`;
}

/** Everything that a run keeps beside its target, but for the errors. */
export function filesBeside(target: string): readonly string[] {
  const journal = journalFile(target);
  return [lockFile(target), journal, `${journal}.new`, partial(target), ...recordsAndVectors(target)];
}

function lockFile(target: string): string {
  return `${target}.lock`;
}

function recordsAndVectors(target: string): readonly string[] {
  return [`${target}.records.partial`, `${target}.vectors.partial`];
}

async function removeAll(files: readonly string[]): Promise<void> {
  await Promise.all(files.map((file) => rm(file, { force: true, recursive: true })));
}

/** Renames, unless it was done before. A folder does not take another one's place by itself. */
async function replace(from: string, to: string): Promise<void> {
  const there = await stat(from).catch(() => undefined);
  if (there === undefined) return;
  if (there.isDirectory()) await rm(to, { recursive: true, force: true });
  await rename(from, to);
}

/** Makes names survive a power cut; where folders cannot be synced (Windows), the file system sees to it. */
async function syncFolder(file: string): Promise<void> {
  try {
    const handle = await open(path.dirname(file), "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // nothing that could be done about it
  }
}

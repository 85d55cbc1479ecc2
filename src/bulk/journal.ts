import { CandleEmbedError } from "../errors.js";
import type { Kinds } from "./tables/kinds.js";
import type { PartState } from "./part-file.js";
import type { Position } from "./record.js";

/** What a run is: its input, its model and the options that decide its output, under names that a user knows. */
export type Description = Readonly<Record<string, string | number | boolean>>;

/** How far a run has come. */
export interface RunState {
  /** Where reading goes on; absent before the first batch. */
  readonly position?: Position;
  /** Vectors written. */
  readonly rows: number;
  readonly bad: number;
  readonly truncated: number;
  readonly tokens: number;
  /** What a table's columns hold so far. */
  readonly kinds: Kinds;
}

/** One line of the journal: the state after a batch, and the files that hold it. */
export interface JournalEntry extends RunState {
  readonly parts: readonly PartState[];
  /** The files were on the disk before this line was written. */
  readonly synced?: true;
}

/** The last line: only names are left to be changed. */
interface Finished {
  readonly finished: true;
}

/** What a journal says. */
export interface JournalContents {
  readonly entries: readonly JournalEntry[];
  readonly finished: boolean;
}

export const firstState: RunState = { rows: 0, bad: 0, truncated: 0, tokens: 0, kinds: {} };

const version = 1;

/** The journal's first line. */
export function journalHead(description: Description): string {
  return `${JSON.stringify({ journal: version, run: description })}\n`;
}

export function journalLine(entry: JournalEntry | Finished): string {
  return `${JSON.stringify(entry)}\n`;
}

/**
 * Reads a journal up to the first line that is not whole: the end of the process may have torn it. `undefined` where not
 * even the head was written.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for the journal of a run with other input or options.
 */
export function readJournal(
  file: string,
  content: string,
  description: Description,
): JournalContents | undefined {
  const lines = content.split("\n").slice(0, -1);
  const head = parseLine(lines[0] ?? "") as { journal?: unknown; run?: Description } | undefined;
  if (head?.run === undefined) return undefined;
  if (head.journal !== version) throw refusal(file, "was written by another version of candle-embed");
  const difference = firstDifference(head.run, description);
  if (difference !== undefined) throw refusal(file, `belongs to a run that had ${difference}`);
  const entries: JournalEntry[] = [];
  for (const line of lines.slice(1)) {
    const entry = parseLine(line) as JournalEntry | Finished | undefined;
    if (entry === undefined) break;
    if ("finished" in entry) return { entries, finished: true };
    entries.push(entry);
  }
  return { entries, finished: false };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

function firstDifference(before: Description, now: Description): string | undefined {
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (before[name] === now[name]) continue;
    return `${name} ${shown(before[name])}, where it is ${shown(now[name])} now`;
  }
  return undefined;
}

function shown(value: string | number | boolean | undefined): string {
  return value === undefined ? "not set" : JSON.stringify(value);
}

export function refusal(file: string, why: string): CandleEmbedError {
  return new CandleEmbedError(
    "INVALID_INPUT",
    `${file} ${why}; go on with that, or begin anew with --restart, or write to another --output`,
  );
}

import type { OptionDefinition, OptionDefinitions } from "./parse.js";

/** What a command works with besides its arguments. */
export interface Context {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Fires on Ctrl-C, on SIGTERM and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
}

/** One command of the command line. */
export interface Command {
  /** The whole page of `--help`. */
  readonly help: string;
  /** A signal is how it is meant to end: the exit code is 0 then. */
  readonly endsWithSignal?: boolean;
  /** What {@link run} parses with, from which shells complete. */
  readonly options: OptionDefinitions;
  /** What its arguments are, where a shell can complete them. */
  readonly operands?: OptionDefinition["values"];
  run(args: readonly string[], context: Context): Promise<void>;
}

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {}

/** The command did its work, and the answer is no: exit code 1. */
export class CheckFailed extends Error {}

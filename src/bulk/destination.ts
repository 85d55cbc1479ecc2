import type { RunState } from "./journal.js";
import type { Output } from "./output.js";

/** Where a run writes to. */
export interface Destination {
  /** Of the vectors; of tables the records and the vectors, which become one file at the end. */
  readonly outputs: readonly Output[];
  /** Of the lines that cannot be used; where there is none, such a line ends the run. */
  readonly errors: Output | undefined;
  /** Where an earlier run with the same output stopped. */
  readonly state: RunState;
  /** Keeps what has been written so far, whatever comes. */
  commit(state: RunState): Promise<void>;
}

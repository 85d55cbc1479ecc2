import type { Entry, Position } from "../record.js";
import type { Fingerprint } from "./fingerprint.js";

/** Where texts come from. */
export interface Source {
  /** What a later run recognises the input by; absent for input that cannot be read twice. */
  readonly fingerprint?: Fingerprint | undefined;
  /** What {@link done} counts up to, where it is known. */
  readonly total?: number | undefined;
  /** How much has been read at a position, in bytes or rows. */
  done(position: Position): number;
  /** The entries behind a position, or all: some at a time, so that a text costs no turn of the event loop. */
  read(from?: Position): AsyncGenerator<readonly Entry[], void, undefined>;
}

/** Which fields of a record are what. */
export interface FieldOptions {
  /** Default `"text"`. */
  readonly text?: string | undefined;
  /** Default `"id"` where a record has it; a field that is named here must be there. */
  readonly id?: string | undefined;
  /** The other fields that are passed through. Default: all. */
  readonly metadata?: readonly string[] | undefined;
}

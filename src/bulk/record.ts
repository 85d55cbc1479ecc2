/** One text to embed, with what is passed through beside it. */
export interface InputText {
  readonly text: string;
  /** Its place in the input, counted from 0; what could not be used has a place too. */
  readonly index: number;
  /** Of the input, counted from 1, as editors do; of a Parquet file the row. */
  readonly line: number;
  readonly id?: string | number;
  /** The other fields of its record. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Which part of its record's text it is, where long texts are split. */
  readonly chunk?: ChunkPlace;
}

/** Where a chunk stands in the text of its record. */
export interface ChunkPlace {
  /** Among the chunks of the record, counted from 0. */
  readonly number: number;
  /** Its first character, in UTF-16 units as JavaScript counts. */
  readonly start: number;
  /** Behind its last character. */
  readonly end: number;
}

/** A line of the input that is no text: broken, or without what was asked for. */
export interface BadLine {
  /** As of an {@link InputText}. */
  readonly line: number;
  readonly index: number;
  /** Goes on where "line 7" begins: `is not JSON`. */
  readonly reason: string;
}

/** How far an input has been read: enough to go on from there in another process. */
export interface Position {
  /** Bytes, or rows of a Parquet file, before the next record. */
  readonly offset: number;
  /** Lines before it. */
  readonly line: number;
  /** Records before it, the bad ones too. */
  readonly index: number;
}

/** What a source gives for one line, and where the next one begins. */
export interface Entry {
  readonly after: Position;
  readonly content: InputText | BadLine;
}

export const start: Position = { offset: 0, line: 0, index: 0 };

export function isBad(content: InputText | BadLine): content is BadLine {
  return "reason" in content;
}

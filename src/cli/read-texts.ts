import { createReadStream, fstatSync } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";

import { CandleEmbedError } from "../errors.js";
import { splitLines } from "../utils/split-lines.js";

/** How the lines of an input are read. */
export type InputFormat = "lines" | "jsonl";

/** One text to embed. */
export interface InputText {
  readonly text: string;
  /** Position among the texts, counted from 0. */
  readonly index: number;
  /** The `id` of a JSONL record. */
  readonly id?: string | number;
}

/** The texts given as arguments. */
export function fromArguments(texts: readonly string[]): Iterable<InputText> {
  return texts.map((text, index) => ({ text, index }));
}

/** The texts of a file, read as a stream that is opened when the first text is asked for. */
export async function* fromFile(
  file: string,
  format: InputFormat,
  signal: AbortSignal,
): AsyncGenerator<InputText, void, undefined> {
  yield* fromStream(createReadStream(file), format, signal);
}

/** The texts of standard input. */
export async function* fromStdin(
  stdin: NodeJS.ReadStream,
  format: InputFormat,
  signal: AbortSignal,
): AsyncGenerator<InputText, void, undefined> {
  // Node takes a folder for an input that is empty.
  if (fstatSync(0).isDirectory()) {
    throw new CandleEmbedError("INVALID_INPUT", "standard input is a folder; pass a file");
  }
  yield* fromStream(stdin, format, signal);
}

/** The texts of a stream: one a line (an empty line is the empty text), or one JSON object a line. */
export async function* fromStream(
  stream: Readable,
  format: InputFormat,
  signal: AbortSignal,
): AsyncGenerator<InputText, void, undefined> {
  let line = 0;
  let index = 0;
  for await (const content of splitLines(addAbortSignal(signal, stream))) {
    line++;
    if (format === "lines") {
      yield { text: content, index: index++ };
    } else if (content.trim() !== "") {
      yield { ...parseRecord(content, line), index: index++ };
    }
  }
}

function parseRecord(content: string, line: number): { text: string; id?: string | number } {
  let record: unknown;
  try {
    record = JSON.parse(content);
  } catch (cause) {
    throw new CandleEmbedError("INVALID_INPUT", `line ${String(line)} is not JSON`, { cause });
  }
  if (
    typeof record !== "object" ||
    record === null ||
    !("text" in record) ||
    typeof record.text !== "string"
  ) {
    throw new CandleEmbedError("INVALID_INPUT", `line ${String(line)} has no field "text" with a string`);
  }
  return "id" in record ? { text: record.text, id: checkId(record.id, line) } : { text: record.text };
}

function checkId(id: unknown, line: number): string | number {
  if (typeof id !== "string" && typeof id !== "number") {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `line ${String(line)} has an "id" that is no string or number`,
    );
  }
  if (typeof id === "number" && Math.abs(id) > Number.MAX_SAFE_INTEGER) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `line ${String(line)} has an "id" that would be rounded: write numbers beyond 2^53 as strings`,
    );
  }
  return id;
}

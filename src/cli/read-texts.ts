import { createReadStream } from "node:fs";
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
  const id = "id" in record ? record.id : undefined;
  return typeof id === "string" || typeof id === "number" ? { text: record.text, id } : { text: record.text };
}

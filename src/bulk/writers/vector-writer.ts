import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { Output } from "../output.js";
import type { InputText } from "../record.js";
import { JsonWriter } from "./json-writer.js";
import { NpyWriter } from "./npy-writer.js";
import { RawWriter } from "./raw-writer.js";
import { TextWriter } from "./text-writer.js";

/** The forms that grow at their end, and so can be written into a pipe. */
export const streamFormats = ["json", "jsonl", "npy", "f32", "text"] as const;
export type StreamFormat = (typeof streamFormats)[number];

/** Writes the vectors of batch after batch. */
export interface VectorWriter {
  write(texts: readonly InputText[], embeddings: Embeddings<OutputVector>): Promise<void>;
  end(): Promise<void>;
}

/** What a writer has to know before its first batch. */
export interface WriterOptions {
  /** The answer to no texts: what the vectors will be, known even where no batch follows. */
  readonly noTexts: Embeddings<OutputVector>;
  /** Rows that an earlier run has written already. */
  readonly rows: number;
  /** Whether records repeat their text. */
  readonly withText: boolean;
}

export function createWriter(format: StreamFormat, output: Output, options: WriterOptions): VectorWriter {
  switch (format) {
    case "json":
      return new JsonWriter(output, { open: "[\n", separator: ",\n", end: "\n]\n", empty: "[]\n" }, options);
    case "jsonl":
      return new JsonWriter(output, { open: "", separator: "\n", end: "\n", empty: "" }, options);
    case "npy":
      return new NpyWriter(output, options);
    case "f32":
      return new RawWriter(output);
    case "text":
      return new TextWriter(output);
  }
}

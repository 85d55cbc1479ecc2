import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { Output } from "../output.js";
import type { InputText } from "../read-texts.js";
import { JsonWriter } from "./json-writer.js";
import { NpyWriter } from "./npy-writer.js";
import { TextWriter } from "./text-writer.js";

/** The forms `candle-embed embed` prints vectors in. */
export const formats = ["json", "jsonl", "npy", "text"] as const;
export type Format = (typeof formats)[number];

/** Writes the vectors of batch after batch. */
export interface EmbeddingWriter {
  write(texts: readonly InputText[], embeddings: Embeddings<OutputVector>): Promise<void>;
  end(): Promise<void>;
}

/** `noTexts` is the answer to no texts: what the vectors will be, known even where no batch follows. */
export function createWriter(
  format: Format,
  output: Output,
  noTexts: Embeddings<OutputVector>,
): EmbeddingWriter {
  switch (format) {
    case "json":
      return new JsonWriter(output, { open: "[\n", separator: ",\n", close: "\n]\n" });
    case "jsonl":
      return new JsonWriter(output, { open: "", separator: "\n", close: "\n" });
    case "npy":
      return new NpyWriter(output, noTexts);
    case "text":
      return new TextWriter(output);
  }
}

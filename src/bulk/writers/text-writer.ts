import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { Output } from "../output.js";
import type { InputText } from "../record.js";
import { numberRows } from "./number-rows.js";
import type { VectorWriter } from "./vector-writer.js";

/** One vector a line, numbers separated by spaces. */
export class TextWriter implements VectorWriter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  async write(_texts: readonly InputText[], embeddings: Embeddings<OutputVector>): Promise<void> {
    await this.#output.write(numberRows(embeddings, " ", () => ({ before: "", after: "\n" })));
  }

  async end(): Promise<void> {
    // Lines need no closing.
  }
}

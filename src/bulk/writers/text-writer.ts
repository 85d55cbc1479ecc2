import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import { joinNumbers } from "../../utils/float32-to-json.js";
import type { Output } from "../output.js";
import type { InputText } from "../record.js";
import type { VectorWriter } from "./vector-writer.js";

/** One vector a line, numbers separated by spaces. */
export class TextWriter implements VectorWriter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  async write(_texts: readonly InputText[], embeddings: Embeddings<OutputVector>): Promise<void> {
    let lines = "";
    for (const row of embeddings) lines += `${joinNumbers(row, " ")}\n`;
    await this.#output.write(lines);
  }

  async end(): Promise<void> {
    // Lines need no closing.
  }
}

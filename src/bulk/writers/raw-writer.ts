import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { Output } from "../output.js";
import type { InputText } from "../record.js";
import type { VectorWriter } from "./vector-writer.js";

/** The bare numbers, row after row, little-endian as on every machine that the engine runs on. */
export class RawWriter implements VectorWriter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  async write(_texts: readonly InputText[], { data }: Embeddings<OutputVector>): Promise<void> {
    await this.#output.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  async end(): Promise<void> {
    // Numbers need no closing.
  }
}

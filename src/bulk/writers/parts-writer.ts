import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { Output } from "../output.js";
import type { InputText } from "../record.js";
import { RawWriter } from "./raw-writer.js";
import { recordHeads } from "./record-heads.js";
import type { VectorWriter } from "./vector-writer.js";

/**
 * What a table is made of at the end: a file of records, one a line, and one of bare vectors. Both grow at their end, which
 * a table with its footer does not; and the types of its columns are known only when all records are.
 */
export class PartsWriter implements VectorWriter {
  readonly #records: Output;
  readonly #vectors: RawWriter;
  readonly #withText: boolean;

  constructor(records: Output, vectors: Output, withText: boolean) {
    this.#records = records;
    this.#vectors = new RawWriter(vectors);
    this.#withText = withText;
  }

  async write(texts: readonly InputText[], embeddings: Embeddings<OutputVector>): Promise<void> {
    await this.#records.write(`${recordHeads(texts, embeddings, this.#withText).join("\n")}\n`);
    await this.#vectors.write(texts, embeddings);
  }

  async end(): Promise<void> {
    // The table is made of the parts when all is there.
  }
}

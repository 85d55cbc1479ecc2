import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { Output } from "../output.js";
import type { InputText } from "../record.js";
import { numberRows } from "./number-rows.js";
import { recordHeads } from "./record-heads.js";
import type { VectorWriter, WriterOptions } from "./vector-writer.js";

/** What stands before, between and after the records, and in place of all of it where there are none. */
interface Frame {
  readonly open: string;
  readonly separator: string;
  readonly end: string;
  readonly empty: string;
}

/** Records `{ index, id?, text, tokens, truncated, metadata?, embedding }`, streamed as one array or one a line. */
export class JsonWriter implements VectorWriter {
  readonly #output: Output;
  readonly #frame: Frame;
  readonly #withText: boolean;
  #rows: number;

  constructor(output: Output, frame: Frame, { rows, withText }: WriterOptions) {
    this.#output = output;
    this.#frame = frame;
    this.#withText = withText;
    this.#rows = rows;
  }

  async write(texts: readonly InputText[], embeddings: Embeddings<OutputVector>): Promise<void> {
    const heads = recordHeads(texts, embeddings, this.#withText);
    const chunk = numberRows(embeddings, ",", (row) => {
      const between = this.#rows++ === 0 ? this.#frame.open : this.#frame.separator;
      // The vector is put in by hand: JSON.stringify would print the digits of doubles.
      return { before: `${between}${(heads[row] as string).slice(0, -1)},"embedding":[`, after: "]}" };
    });
    await this.#output.write(chunk);
  }

  async end(): Promise<void> {
    await this.#output.write(this.#rows > 0 ? this.#frame.end : this.#frame.empty);
  }
}

import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import { joinNumbers } from "../../utils/float32-to-json.js";
import type { Output } from "../output.js";
import type { InputText } from "../record.js";
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
    let chunk = "";
    for (const [row, head] of recordHeads(texts, embeddings, this.#withText).entries()) {
      chunk += this.#rows++ === 0 ? this.#frame.open : this.#frame.separator;
      // The vector is joined in by hand: JSON.stringify would print the digits of doubles.
      chunk += `${head.slice(0, -1)},"embedding":[${joinNumbers(embeddings.at(row), ",")}]}`;
    }
    await this.#output.write(chunk);
  }

  async end(): Promise<void> {
    await this.#output.write(this.#rows > 0 ? this.#frame.end : this.#frame.empty);
  }
}

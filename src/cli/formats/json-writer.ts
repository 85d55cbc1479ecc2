import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import { joinNumbers } from "../../utils/float32-to-json.js";
import type { Output } from "../output.js";
import type { InputText } from "../read-texts.js";
import type { EmbeddingWriter } from "./embedding-writer.js";

/** What stands before, between and after the records. */
interface Frame {
  readonly open: string;
  readonly separator: string;
  readonly close: string;
}

/** Records `{ index, id?, text, tokens, truncated, embedding }`, streamed as one array or one a line. */
export class JsonWriter implements EmbeddingWriter {
  readonly #output: Output;
  readonly #frame: Frame;
  #records = 0;

  constructor(output: Output, frame: Frame) {
    this.#output = output;
    this.#frame = frame;
  }

  async write(texts: readonly InputText[], embeddings: Embeddings<OutputVector>): Promise<void> {
    const truncated = new Set(embeddings.truncated);
    let chunk = "";
    for (const [row, { index, id, text }] of texts.entries()) {
      const head = JSON.stringify({
        index,
        ...(id !== undefined && { id }),
        text,
        tokens: embeddings.tokens[row],
        truncated: truncated.has(row),
      });
      chunk += this.#records++ === 0 ? this.#frame.open : this.#frame.separator;
      // The vector is joined in by hand: JSON.stringify would print the digits of doubles.
      chunk += `${head.slice(0, -1)},"embedding":[${joinNumbers(embeddings.at(row), ",")}]}`;
    }
    await this.#output.write(chunk);
  }

  async end(): Promise<void> {
    if (this.#records > 0) await this.#output.write(this.#frame.close);
    else if (this.#frame.open !== "") await this.#output.write("[]\n");
  }
}

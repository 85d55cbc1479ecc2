import { endianness } from "node:os";

import type { Embeddings } from "../embeddings.js";
import { mostFloat32JsonBytes, writeFloat32Row } from "../utils/write-float32-json.js";

export type EncodingFormat = "float" | "base64";

const bigEndian = endianness() === "BE";

/**
 * The JSON of an answer of `/v1/embeddings`, made as the vectors come: the work for a large answer spreads over the time
 * of its computation instead of holding up the event loop at its end.
 */
export class EmbeddingsBody {
  readonly #format: EncodingFormat;
  /** Pieces of the list `data` by the index of their first vector. */
  readonly #pieces = new Map<number, Buffer>();
  readonly #truncated: number[] = [];
  #tokens = 0;

  constructor(format: EncodingFormat) {
    this.#format = format;
  }

  /** Tokens of the texts so far. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Adds rows `from` and following as the vectors of texts `start` and following. */
  add(embeddings: Embeddings, from: number, start: number, count: number): void {
    const { dimensions, data, tokens, truncated } = embeddings;
    const write = this.#format === "float" ? writeFloats : writeBase64;
    const ofRow =
      this.#format === "float" ? mostFloat32JsonBytes * dimensions : 4 * Math.ceil((4 * dimensions) / 3);
    const piece = Buffer.allocUnsafe(count * (ofRow + 64));
    let offset = 0;
    for (let index = 0; index < count; index++) {
      const row = data.subarray((from + index) * dimensions, (from + index + 1) * dimensions);
      const comma = start + index === 0 ? "" : ",";
      offset += piece.write(
        `${comma}{"object":"embedding","index":${String(start + index)},"embedding":`,
        offset,
        "latin1",
      );
      offset = write(piece, offset, row);
      piece[offset++] = 0x7d;
      this.#tokens += tokens[from + index] as number;
    }
    this.#pieces.set(start, piece.subarray(0, offset));
    for (const index of truncated) {
      if (index >= from && index < from + count) this.#truncated.push(start + index - from);
    }
  }

  /** The whole answer. `truncated`, a field of our own, is there only where texts were cut. */
  finish(model: string): Buffer {
    const pieces = [...this.#pieces].sort(([a], [b]) => a - b).map(([, piece]) => piece);
    const truncated = this.#truncated.sort((a, b) => a - b);
    const rest = JSON.stringify({
      model,
      usage: { prompt_tokens: this.#tokens, total_tokens: this.#tokens },
      ...(truncated.length > 0 && { truncated }),
    });
    return Buffer.concat([
      Buffer.from('{"object":"list","data":['),
      ...pieces,
      Buffer.from(`],${rest.slice(1)}`),
    ]);
  }
}

function writeFloats(target: Buffer, start: number, row: Float32Array): number {
  target[start] = 0x5b;
  const end = writeFloat32Row(target, start + 1, row);
  target[end] = 0x5d;
  return end + 1;
}

/** Little-endian float32, as the API says. */
function writeBase64(target: Buffer, start: number, row: Float32Array): number {
  let bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  if (bigEndian) bytes = Buffer.from(bytes).swap32();
  target[start] = 0x22;
  const end = start + 1 + target.write(bytes.toString("base64"), start + 1, "latin1");
  target[end] = 0x22;
  return end + 1;
}

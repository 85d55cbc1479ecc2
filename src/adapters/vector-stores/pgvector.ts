import { describe, invalid } from "../../backends/check-options.js";
import { mostFloat32JsonBytes, writeFloat32Row } from "../../utils/write-float32-json.js";

/**
 * A vector as pgvector's text, for parameters of type `vector` and `halfvec`: `"[0.100000000,0.200000000]"`. In nine
 * digits, from which the same float32 is read back.
 *
 * ```ts
 * await client.query("INSERT INTO items (embedding) VALUES ($1)", [toPgVector(embeddings.at(0))]);
 * ```
 *
 * @throws CandleEmbedError `INVALID_INPUT` for a number that pgvector refuses (NaN, infinite), or no vector.
 */
export function toPgVector(vector: Float32Array): string {
  if (!(vector instanceof Float32Array))
    throw invalid(`a vector must be a Float32Array, not ${describe(vector)}`);
  const wrong = vector.findIndex((value) => !Number.isFinite(value));
  if (wrong !== -1) throw invalid(`component ${String(wrong)} of the vector is ${String(vector[wrong])}`);
  const bytes = Buffer.allocUnsafe(vector.length * mostFloat32JsonBytes + 2);
  bytes.write("[");
  const end = writeFloat32Row(bytes, 1, vector);
  bytes.write("]", end);
  return bytes.toString("latin1", 0, end + 1);
}

/**
 * What `toPgVector` wrote, or pgvector answers, as numbers.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for another text.
 */
export function fromPgVector(text: string): Float32Array {
  const numbers = /^\[(.+)\]$/s.exec(text)?.[1]?.split(",").map(Number) ?? [NaN];
  if (numbers.some(Number.isNaN)) throw invalid(`not a vector of pgvector: ${describe(text)}`);
  return Float32Array.from(numbers);
}

/**
 * A vector of `outputType: "ubinary"` or `"binary"` as the text of PostgreSQL's `bit(n)`, for pgvector's Hamming (`<~>`) and
 * Jaccard distances: a digit for each dimension.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what is no packed vector.
 */
export function toPgBit(packed: Uint8Array | Int8Array): string {
  if (!(packed instanceof Uint8Array || packed instanceof Int8Array)) {
    throw invalid(`packed bits must be a Uint8Array or an Int8Array, not ${describe(packed)}`);
  }
  // sentence-transformers' "binary" is "ubinary" less 128.
  const offset = packed instanceof Int8Array ? 128 : 0;
  let bits = "";
  for (const byte of packed) bits += (byte + offset).toString(2).padStart(8, "0");
  return bits;
}

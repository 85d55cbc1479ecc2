import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { Output } from "../output.js";
import type { InputText } from "../record.js";
import type { VectorWriter, WriterOptions } from "./vector-writer.js";

/** Room for any shape, and a multiple of 64 bytes so that the data is aligned for memory maps. */
const headerBytes = 128;

/**
 * NumPy's `.npy`, version 1.0: a matrix of count x dimensions. Its header, in front, holds the count: a file gets it
 * written over at the end, while a pipe has to wait for all the vectors.
 */
export class NpyWriter implements VectorWriter {
  readonly #output: Output;
  readonly #held: Uint8Array[] = [];
  readonly #type: string;
  readonly #columns: number;
  #rows: number;

  constructor(output: Output, { noTexts: { data, dimensions, outputType }, rows }: WriterOptions) {
    this.#output = output;
    this.#rows = rows;
    this.#type = npyType(data);
    this.#columns = outputType === "binary" || outputType === "ubinary" ? dimensions / 8 : dimensions;
  }

  async write(_texts: readonly InputText[], embeddings: Embeddings<OutputVector>): Promise<void> {
    const { data } = embeddings;
    if (this.#rows === 0 && this.#output.seekable) await this.#output.write(new Uint8Array(headerBytes));
    this.#rows += embeddings.count;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (this.#output.seekable) await this.#output.write(bytes);
    else this.#held.push(bytes);
  }

  async end(): Promise<void> {
    const header = npyHeader(this.#type, this.#rows, this.#columns);
    if (this.#rows > 0 && this.#output.seekable) {
      await this.#output.rewriteStart(header);
      return;
    }
    await this.#output.write(header);
    for (const bytes of this.#held) await this.#output.write(bytes);
  }
}

function npyType(data: OutputVector): string {
  if (data instanceof Float32Array) return "<f4";
  return data instanceof Int8Array ? "|i1" : "|u1";
}

function npyHeader(type: string, rows: number, columns: number): Uint8Array {
  const magic = "\x93NUMPY\x01\x00";
  const length = headerBytes - magic.length - 2;
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${String(rows)}, ${String(columns)}), }`;
  const header = Buffer.alloc(headerBytes);
  header.write(magic, 0, "latin1");
  header.writeUInt16LE(length, magic.length);
  header.write(`${text.padEnd(length - 1)}\n`, magic.length + 2, "latin1");
  return header;
}

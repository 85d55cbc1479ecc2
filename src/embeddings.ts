import type { OutputType, OutputVector } from "./embedding-backend.js";
import { CandleEmbedError } from "./errors.js";

/** What {@link Embeddings} is made of. */
export interface EmbeddingsInit<Vector extends OutputVector = Float32Array> {
  readonly data: Vector;
  readonly dimensions: number;
  readonly tokens: Uint32Array;
  readonly truncated: readonly number[];
  readonly backend: string;
  /** Default `"float32"`. */
  readonly outputType?: OutputType;
}

/** The vectors of one call, in the order of its texts, in one flat array. */
export class Embeddings<Vector extends OutputVector = Float32Array> implements Iterable<Vector> {
  /** Row-major: `count` rows of `dimensions` numbers (`dimensions / 8` bytes for `binary` and `ubinary`). */
  readonly data: Vector;
  /** How many vectors. */
  readonly count: number;
  /** Length of a vector, before eight dimensions are packed into a byte. */
  readonly dimensions: number;
  /** Tokens used by each text, special tokens included, after any cut. */
  readonly tokens: Uint32Array;
  /** Ascending indices of the texts that lost tokens because they were too long. */
  readonly truncated: readonly number[];
  /** Which backend answered, for example `"native"`. */
  readonly backend: string;
  /** What the numbers in `data` are. */
  readonly outputType: OutputType;
  readonly #rowLength: number;

  /** @throws CandleEmbedError `DIMENSION_MISMATCH` when `data` is not `tokens.length` rows. */
  constructor(init: EmbeddingsInit<Vector>) {
    const { data, dimensions, tokens, truncated, backend, outputType = "float32" } = init;
    const packed = outputType === "binary" || outputType === "ubinary";
    this.data = data;
    this.count = tokens.length;
    this.dimensions = dimensions;
    this.tokens = tokens;
    this.truncated = truncated;
    this.backend = backend;
    this.outputType = outputType;
    this.#rowLength = packed ? dimensions / 8 : dimensions;
    if (data.length !== this.count * this.#rowLength) {
      throw new CandleEmbedError(
        "DIMENSION_MISMATCH",
        `${String(data.length)} numbers are not ${String(this.count)} rows of ${String(this.#rowLength)}`,
      );
    }
  }

  /**
   * Row `index` as a view into `data`: nothing is copied, and writing to it writes to `data`.
   *
   * @throws CandleEmbedError `INVALID_INPUT` unless `index` is a whole number from 0 to `count - 1`.
   */
  at(index: number): Vector {
    if (!Number.isInteger(index) || index < 0 || index >= this.count) {
      throw new CandleEmbedError(
        "INVALID_INPUT",
        `no row ${String(index)}: the result has ${String(this.count)} (counted from 0)`,
      );
    }
    return this.data.subarray(index * this.#rowLength, (index + 1) * this.#rowLength) as Vector;
  }

  /** The rows in order, as views (see {@link at}). */
  *[Symbol.iterator](): Generator<Vector, void, undefined> {
    for (let index = 0; index < this.count; index++) yield this.at(index);
  }

  /** A copy as plain arrays, for JSON and for libraries that want `number[]`. */
  toArrays(): number[][] {
    return Array.from(this, (row) => Array.from(row));
  }
}

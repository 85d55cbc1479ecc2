import {
  checkMembers,
  isArray,
  isPositiveInteger,
  isString,
  type OptionCheck,
} from "./backends/check-options.js";
import type { OutputType, OutputVector } from "./embedding-backend.js";
import { CandleEmbedError } from "./errors.js";
import { toPlainArray } from "./utils/to-plain-array.js";

/** What {@link Embeddings} is made of. */
export interface EmbeddingsInit<Vector extends OutputVector = Float32Array> {
  /** All rows, one after the other. */
  readonly data: Vector;
  /** Numbers of a row. */
  readonly dimensions: number;
  /** Tokens of each text. */
  readonly tokens: Uint32Array;
  /** Indices of the texts that were cut. */
  readonly truncated: readonly number[];
  /** Which backend made them. */
  readonly backend: string;
  /** Default `"float32"`. */
  readonly outputType?: OutputType;
}

const isNumbers: OptionCheck = (value) =>
  ArrayBuffer.isView(value) && !(value instanceof DataView) ? undefined : "a typed array";

const checks = {
  data: isNumbers,
  dimensions: isPositiveInteger,
  tokens: isNumbers,
  truncated: isArray,
  backend: isString,
} satisfies Partial<Record<keyof EmbeddingsInit, OptionCheck>>;

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

  /**
   * @throws CandleEmbedError `INVALID_INPUT` for members that are missing or wrong; `DIMENSION_MISMATCH` when `data` is not
   * `tokens.length` rows.
   */
  constructor(init: EmbeddingsInit<Vector>) {
    checkMembers("what Embeddings is made of", init, checks);
    const { data, dimensions, tokens, truncated, backend, outputType = "float32" } = init;
    this.data = data;
    this.count = tokens.length;
    this.dimensions = dimensions;
    this.tokens = tokens;
    this.truncated = truncated;
    this.backend = backend;
    this.outputType = outputType;
    const length = rowLength(this);
    if (data.length !== this.count * length) {
      throw new CandleEmbedError(
        "DIMENSION_MISMATCH",
        `${String(data.length)} numbers are not ${String(this.count)} rows of ${String(length)}`,
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
    const length = rowLength(this);
    return this.data.subarray(index * length, (index + 1) * length) as Vector;
  }

  /** The rows in order, as views (see {@link at}). */
  *[Symbol.iterator](): Generator<Vector, void, undefined> {
    for (let index = 0; index < this.count; index++) yield this.at(index);
  }

  /** A copy as plain arrays, for JSON and for libraries that want `number[]`. */
  toArrays(): number[][] {
    return Array.from(this, toPlainArray);
  }
}

/** Numbers of a row. Not a private member, with which the class of @candle-embed/wasm would be another type. */
function rowLength({ dimensions, outputType }: { dimensions: number; outputType: OutputType }): number {
  return outputType === "binary" || outputType === "ubinary" ? dimensions / 8 : dimensions;
}

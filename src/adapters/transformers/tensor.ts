import { checkMembers, invalid, isArray, isOneOf, type OptionCheck } from "../../backends/check-options.js";
import { toPlainArray } from "../../utils/to-plain-array.js";

/** The numbers of a tensor. */
export type TensorData = Float32Array | Int8Array | Uint8Array;
/** What transformers.js calls the kinds of numbers. */
export type TensorType = "float32" | "int8" | "uint8";

const isNumbers: OptionCheck = (value) =>
  value instanceof Float32Array || value instanceof Int8Array || value instanceof Uint8Array
    ? undefined
    : "a Float32Array, an Int8Array or a Uint8Array";

const checks = { type: isOneOf(["float32", "int8", "uint8"]), data: isNumbers, dims: isArray };

/** A row or a table of numbers with the members of transformers.js' `Tensor` that results are read with. */
export class Tensor implements Iterable<Tensor | number> {
  /** The kind of its numbers. */
  readonly type: TensorType;
  /** All numbers, row after row. */
  readonly data: TensorData;
  /** `[count, dimensions]`, or `[dimensions]` of a row. */
  readonly dims: readonly number[];
  /** A row as a view: `tensor[0]`, where the tensor is a table. */
  readonly [row: number]: Tensor;

  /** @throws CandleEmbedError `INVALID_INPUT` for another kind of data, or dimensions that are not those of the data. */
  constructor(type: TensorType, data: TensorData, dims: readonly number[]) {
    checkMembers("a tensor", { type, data, dims }, checks);
    const size = dims.reduce((product, each) => product * each, 1);
    if (size !== data.length) {
      throw invalid(`${String(data.length)} numbers are not a tensor of [${dims.join(", ")}]`);
    }
    this.type = type;
    this.data = data;
    this.dims = dims;
    const [count = 0, length] = dims;
    if (length === undefined) return;
    for (let row = 0; row < count; row++) {
      const view = new Tensor(type, data.subarray(row * length, (row + 1) * length), [length]);
      Object.defineProperty(this, row, { value: view });
    }
  }

  /** How many numbers. */
  get size(): number {
    return this.data.length;
  }

  /** The numbers as plain arrays, one in the other. */
  tolist(): number[] | number[][] {
    if (this.dims.length === 1) return toPlainArray(this.data);
    return Array.from({ length: this.dims[0] as number }, (_, row) => this.#row(row).tolist() as number[]);
  }

  /** The rows of a table, the numbers of a row. */
  *[Symbol.iterator](): Generator<Tensor | number, void, undefined> {
    if (this.dims.length === 1) yield* this.data;
    else for (let row = 0; row < (this.dims[0] as number); row++) yield this.#row(row);
  }

  #row(row: number): Tensor {
    const view = this[row];
    if (view === undefined) throw invalid(`no row ${String(row)}`);
    return view;
  }
}

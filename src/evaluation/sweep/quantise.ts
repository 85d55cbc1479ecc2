import type { Vectors } from "../compare.js";

/** The first `kept` numbers of each row, with length 1 again: what `dimensions` of a call does to most models. */
export function cutRows({ data, dimensions }: Vectors, kept: number): Vectors {
  const count = data.length / dimensions;
  const cut = new Float32Array(count * kept);
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let index = 0; index < kept; index++) square += (data[row * dimensions + index] as number) ** 2;
    const factor = square === 0 ? 0 : 1 / Math.sqrt(square);
    for (let index = 0; index < kept; index++) {
      cut[row * kept + index] = (data[row * dimensions + index] as number) * factor;
    }
  }
  return { data: cut, dimensions: kept };
}

/** What `outputType: "int8"` gives for these rows: each scaled by its own largest component. */
export function toInt8({ data, dimensions }: Vectors): Int8Array {
  const codes = new Int8Array(data.length);
  for (let start = 0; start < data.length; start += dimensions) {
    const row = data.subarray(start, start + dimensions);
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = largest === 0 ? 0 : Math.fround(127 / largest);
    row.forEach((value, index) => (codes[start + index] = roundTiesEven(Math.fround(value * scale))));
  }
  return codes;
}

/** What `outputType: "ubinary"` gives for these rows: a bit a component, set where it is positive. */
export function toBits({ data, dimensions }: Vectors): Uint8Array {
  const bits = new Uint8Array(data.length / 8);
  const bytes = dimensions / 8;
  data.forEach((value, index) => {
    if (value <= 0) return;
    const row = Math.floor(index / dimensions);
    const at = index % dimensions;
    bits[row * bytes + (at >> 3)] = (bits[row * bytes + (at >> 3)] as number) | (0x80 >> (at & 7));
  });
  return bits;
}

/** The bits of rows as numbers: 1 where set, -1 where not. */
export function fromBits(bits: Uint8Array): Float32Array {
  const values = new Float32Array(8 * bits.length);
  for (let index = 0; index < values.length; index++) {
    values[index] = ((bits[index >> 3] as number) & (0x80 >> (index & 7))) === 0 ? -1 : 1;
  }
  return values;
}

/** Numbers with rows of length 1. */
export function unitRows(values: ArrayLike<number>, dimensions: number): Vectors {
  return cutRows({ data: Float32Array.from(values), dimensions }, dimensions);
}

const setBits = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** How many bits of row `a` and row `b` are the same. */
export function sameBits(left: Uint8Array, a: number, right: Uint8Array, b: number, bytes: number): number {
  let different = 0;
  for (let index = 0; index < bytes; index++) {
    const both = (left[a * bytes + index] as number) ^ (right[b * bytes + index] as number);
    different += setBits[both] as number;
  }
  return 8 * bytes - different;
}

function roundTiesEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

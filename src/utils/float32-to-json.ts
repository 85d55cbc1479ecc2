/**
 * A float32 in few digits that read back as the same float32. `String(number)` would print the 17 digits of the double
 * it is stored in; nine always suffice for a float32, and most need fewer.
 */
export function float32ToJson(value: number): string {
  if (Object.is(value, -0)) return "-0";
  for (const digits of [7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

/** The numbers of a vector, joined: floats as {@link float32ToJson}, whole numbers as they are. */
export function joinNumbers(vector: Float32Array | Int8Array | Uint8Array, separator: string): string {
  if (!(vector instanceof Float32Array)) return vector.join(separator);
  return Array.from(vector, float32ToJson).join(separator);
}

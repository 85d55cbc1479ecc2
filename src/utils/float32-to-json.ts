/**
 * A float32 in few digits that read back as the same float32. `String(number)` would print the 17 digits of the double
 * it is stored in; nine always suffice for a float32, and most need fewer.
 */
export function float32ToJson(value: number): string {
  const size = Math.abs(value);
  if (size >= 0.001 && size < 1) {
    const text = fraction(size);
    if (text !== undefined) return value < 0 ? `-${text}` : text;
  }
  if (Object.is(value, -0)) return "-0";
  for (const digits of [7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

/**
 * The same for a component of a vector as most are, 0.001 to 1, by way of whole numbers: printing those takes a sixth of
 * the time, which decides how fast JSONL is written. `undefined` where eight digits are too few.
 */
function fraction(size: number): string | undefined {
  const zeros = size >= 0.1 ? "" : size >= 0.01 ? "0" : "00";
  const scale = size >= 0.1 ? 1e7 : size >= 0.01 ? 1e8 : 1e9;
  return fractionOf(size, scale, zeros) ?? fractionOf(size, scale * 10, zeros);
}

function fractionOf(size: number, scale: number, zeros: string): string | undefined {
  let digits = Math.round(size * scale);
  // What rounds up to a power of ten has a zero less; the slow way knows.
  if (Math.fround(digits / scale) !== size || digits >= scale / 10 ** zeros.length) return undefined;
  while (digits % 10 === 0) digits /= 10;
  return `0.${zeros}${String(digits)}`;
}

/** The numbers of a vector, joined: floats as {@link float32ToJson}, whole numbers as they are. */
export function joinNumbers(vector: Float32Array | Int8Array | Uint8Array, separator: string): string {
  if (!(vector instanceof Float32Array)) return vector.join(separator);
  let text = "";
  for (const value of vector) text += text === "" ? float32ToJson(value) : separator + float32ToJson(value);
  return text;
}

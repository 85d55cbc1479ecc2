/**
 * Operations (an addition and a multiplication count as two) of a forward over texts of these lengths, without padding:
 * the linear layers and the two products of attention. Norms, softmax, GELU and embeddings are not counted.
 *
 * @param {{ layers: number, hidden: number, wide: number }} shape
 * @param {readonly number[]} lengths
 */
export function operations({ layers, hidden, wide }, lengths) {
  let linear = 0;
  let attention = 0;
  for (const tokens of lengths) {
    linear += tokens * 2 * layers * (4 * hidden ** 2 + 2 * hidden * wide);
    attention += 4 * layers * hidden * tokens ** 2;
  }
  return { linear, attention };
}

/**
 * The shortest time in which this machine's peak allows that work.
 *
 * @param {{ linear: number, attention: number }} work
 * @param {{ f32: number, int8: number }} peak operations a second
 * @param {"float32" | "int8"} dtype
 */
export function ceilingSeconds({ linear, attention }, peak, dtype) {
  return linear / (dtype === "int8" ? peak.int8 : peak.f32) + attention / peak.f32;
}

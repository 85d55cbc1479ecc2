import { CandleEmbedError } from "../../errors.js";

/** A square of a length this near to 1 is a unit vector that was rounded: its bits stay what the API sent. */
const roundingOfSquare = 1e-5;

/** The first `kept` of each row's `dimensions` numbers, with length 1 where `normalize` says so. */
export function finishRows(
  data: Float32Array,
  dimensions: number,
  kept: number,
  normalize: boolean,
): Float32Array {
  const count = data.length / dimensions;
  const rows = kept === dimensions ? data : new Float32Array(count * kept);
  for (let index = 0; index < count; index++) {
    const row = data.subarray(index * dimensions, index * dimensions + kept);
    if (normalize) toUnitLength(row, index);
    if (rows !== data) rows.set(row, index * kept);
  }
  return rows;
}

function toUnitLength(row: Float32Array, index: number): void {
  let square = 0;
  for (const value of row) square += value * value;
  if (square === 0) {
    throw new CandleEmbedError(
      "API_RESPONSE_INVALID",
      `the API gave a vector of zeros for text ${String(index)}, which has no direction`,
      { index, retryable: false },
    );
  }
  if (Math.abs(square - 1) <= roundingOfSquare) return;
  const factor = 1 / Math.sqrt(square);
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) * factor;
}

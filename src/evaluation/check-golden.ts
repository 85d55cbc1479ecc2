import { judge, leftOut, type CheckResult } from "./check-result.js";
import { largestDifference } from "./compare.js";
import { findGoldenSet } from "./golden-sets.js";
import type { Subject } from "./subject.js";

/** Float32 rounding, summed in another order through a dozen layers, stays below a tenth of this. */
const limit = 5e-6;

/** The model in float32 against sentence-transformers. */
export async function checkGolden(subject: Subject): Promise<CheckResult> {
  const golden = findGoldenSet(subject.info);
  if (golden === undefined) return leftOut("golden", "no golden vectors of this model are shipped");
  if (subject.float32Missing !== undefined) return leftOut("golden", subject.float32Missing);
  const { data } = await subject.vectors("float32");
  // The last text is made to the model's limit and has no golden vector.
  const difference = largestDifference(data.subarray(0, golden.vectors.length), golden.vectors);
  return judge("golden", `float32 against ${golden.madeWith}`, [
    { name: "largest difference", value: difference, most: limit },
  ]);
}

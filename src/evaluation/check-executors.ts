import { judge, leftOut, type CheckResult } from "./check-result.js";
import { largestDifference } from "./compare.js";
import type { Subject } from "./subject.js";

/** For unit vectors. Both executors are exact to float32 rounding. */
const limit = 5e-6;

/** The product's own kernels against Candle's operations. */
export async function checkExecutors(subject: Subject): Promise<CheckResult> {
  if (subject.info.executor === "static") {
    return leftOut("executors", "static embeddings are a look-up, which has one implementation");
  }
  const packed = await subject.vectors("float32");
  const candle = await subject.load({ dtype: "float32", executor: "candle" }, (embed) =>
    embed(subject.texts),
  );
  const weights = subject.float32Missing === undefined ? "float32" : "int8 weights widened to float32";
  return judge("executors", `packed against candle, ${weights}`, [
    { name: "largest difference", value: largestDifference(packed.data, candle.data), most: limit },
  ]);
}

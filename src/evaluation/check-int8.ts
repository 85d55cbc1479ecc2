import { judge, leftOut, type CheckResult } from "./check-result.js";
import { cosines, type Vectors } from "./compare.js";
import { findGoldenSet } from "./golden-sets.js";
import type { Subject } from "./subject.js";

const leastMean = 0.998;

/** What int8 costs: the direction of its vectors against float32's. */
export async function checkInt8(subject: Subject): Promise<CheckResult> {
  const reference = await findReference(subject);
  if (typeof reference === "string") return leftOut("int8", reference);
  const { data, dimensions } = await subject.vectors("int8");
  const int8 = { data: data.subarray(0, reference.vectors.data.length), dimensions };
  const values = cosines(int8, reference.vectors);
  return judge("int8", `against ${reference.name}`, [
    {
      name: "cosine mean",
      value: values.reduce((sum, value) => sum + value, 0) / values.length,
      least: leastMean,
    },
    { name: "cosine least", value: Math.min(...values) },
  ]);
}

/** The exact vectors; golden ones where there are no exact weights, or why there are none at all. */
async function findReference(
  subject: Subject,
): Promise<{ readonly name: string; readonly vectors: Vectors } | string> {
  if (subject.float32Missing === undefined) {
    return { name: "float32", vectors: await subject.vectors("float32") };
  }
  const golden = findGoldenSet(subject.info);
  if (golden === undefined) return subject.float32Missing;
  const { vectors: data, dimensions, madeWith } = golden;
  return { name: `${madeWith} (float32)`, vectors: { data, dimensions } };
}

import { judge, type CheckResult } from "./check-result.js";
import { differentRows, rowOf, type Vectors } from "./compare.js";
import type { Embed, Subject } from "./subject.js";

/** A text has the same bits alone, in a batch and in another order. */
export async function checkBatches(subject: Subject): Promise<CheckResult> {
  let different = 0;
  for (const dtype of subject.arithmetics) {
    const batch = await subject.vectors(dtype);
    different += await subject.load({ dtype }, async (embed) => {
      const alone = differentRows(batch, await eachAlone(embed, subject.texts));
      const reversed = await embed(subject.texts.toReversed());
      return alone + differentRows(batch, reverseRows(reversed));
    });
  }
  return judge("batches", `alone, in a batch, in another order; ${subject.arithmetics.join(" and ")}`, [
    { name: "vectors that differ", value: different, most: 0 },
  ]);
}

async function eachAlone(embed: Embed, texts: readonly string[]): Promise<Vectors> {
  const rows: number[] = [];
  let dimensions = 0;
  for (const text of texts) {
    const vector = await embed([text]);
    rows.push(...vector.data);
    ({ dimensions } = vector);
  }
  return { data: Float32Array.from(rows), dimensions };
}

function reverseRows(vectors: Vectors): Vectors {
  const { data, dimensions } = vectors;
  const reversed = new Float32Array(data.length);
  const count = data.length / dimensions;
  for (let row = 0; row < count; row++) reversed.set(rowOf(vectors, count - 1 - row), row * dimensions);
  return { data: reversed, dimensions };
}

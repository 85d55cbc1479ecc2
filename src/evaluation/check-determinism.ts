import { judge, type CheckResult } from "./check-result.js";
import { differentRows } from "./compare.js";
import type { Subject } from "./subject.js";

/** Another load, another run and another number of threads give the same bits. */
export async function checkDeterminism(subject: Subject): Promise<CheckResult> {
  const { texts, info, arithmetics } = subject;
  let different = 0;
  for (const dtype of arithmetics) {
    const first = await subject.vectors(dtype);
    different += await subject.load({ dtype }, async (embed) => {
      const once = differentRows(first, await embed(texts));
      return once + differentRows(first, await embed(texts));
    });
    if (info.threads > 1) {
      const oneThread = await subject.load({ dtype, threads: 1 }, (embed) => embed(texts));
      different += differentRows(first, oneThread);
    }
  }
  const threads = info.threads > 1 ? `, ${String(info.threads)} threads and one` : "";
  return judge("determinism", `two loads, two runs${threads}; ${arithmetics.join(" and ")}`, [
    { name: "vectors that differ", value: different, most: 0 },
  ]);
}

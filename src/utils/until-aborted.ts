import { Cancellation } from "./cancellation.js";
import { untilCancelled } from "./until-cancelled.js";

/**
 * What `work` gives, or a rejection with `ABORTED` as soon as `signal` fires: for work that cannot be cancelled, which
 * is then left to itself.
 */
export async function untilAborted<Result>(
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const cancellation = new Cancellation(signal);
  try {
    return await untilCancelled(cancellation, work);
  } finally {
    cancellation.close();
  }
}

import type { Cancellation } from "./cancellation.js";

/** What `work` gives, or a rejection as soon as the call is ended: for work that cannot be cancelled, which is left to itself. */
export async function untilCancelled<Result>(
  cancellation: Cancellation,
  work: () => Promise<Result>,
): Promise<Result> {
  cancellation.throwIfCancelled();
  try {
    return await new Promise((resolve, reject) => {
      cancellation.waiter = reject;
      work().then(resolve, reject);
    });
  } finally {
    cancellation.waiter = undefined;
  }
}

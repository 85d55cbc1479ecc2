import { setTimeout as sleep } from "node:timers/promises";

import { CandleEmbedError } from "../errors.js";
import { TransientFailure } from "./failures.js";

/** Failures in a row, without a step forward between them, until a download is given up. */
const mostFailures = 5;

/** The first pause; each further one is twice as long: 0.25, 0.5, 1 and 2 seconds before the last attempt. */
const firstPauseMs = 250;

/** The longest pause that a server can ask for. */
const longestPauseMs = 60_000;

/**
 * Calls `attempt` until it does not fail with {@link TransientFailure}.
 *
 * @param madeProgress Whether the last attempt got so far that the count of failures starts again.
 * @param most Failures in a row after which it gives up.
 * @throws CandleEmbedError `DOWNLOAD_FAILED` after that, or where the server asks for a pause of over a minute.
 */
export async function withRetries<Result>(
  what: string,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
  madeProgress: () => boolean = () => false,
  most = mostFailures,
): Promise<Result> {
  for (let failures = 0; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientFailure) || signal.aborted) throw error;
      failures = madeProgress() ? 1 : failures + 1;
      const { message, retryAfterMs } = error;
      if (failures >= most || (retryAfterMs ?? 0) > longestPauseMs) {
        const pause = retryAfterMs === undefined ? "" : `; it asks to come again in ${seconds(retryAfterMs)}`;
        throw new CandleEmbedError("DOWNLOAD_FAILED", `${what}: ${message}${pause}`, { cause: error });
      }
      // A quarter more or less, so that processes that failed together do not come back together.
      const backOff = firstPauseMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
      await sleep(Math.max(retryAfterMs ?? 0, backOff), undefined, { signal });
    }
  }
}

function seconds(milliseconds: number): string {
  return `${String(Math.ceil(milliseconds / 1000))} s`;
}

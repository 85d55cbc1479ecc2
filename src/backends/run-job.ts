import type { EmbedProgress } from "../embedding-backend.js";
import { unwrap, type EngineEmbeddings, type EngineJob } from "../engine.js";
import type { Cancellation } from "../utils/cancellation.js";
import { FifoGate } from "../utils/fifo-gate.js";
import { nextLoopTurn } from "../utils/next-loop-turn.js";
import { sliceEnd } from "../utils/text-slices.js";

/**
 * One step at a time, whatever its model: a step uses all the engine's threads anyway, and so one thread of the libuv
 * pool at most is taken by steps. Calls on several models take turns, so that a short one never waits for a long one.
 */
const sharedSteps = new FifoGate();

/**
 * How long the engine works before it looks back here. Long enough that the trip between the threads costs nothing,
 * short enough that an aborted call ends, and an exiting process leaves, without a noticeable wait.
 */
const stepMilliseconds = 50;

/**
 * Feeds the texts to a job and drives it to its end. Between slices and steps, a cancelled call ends.
 *
 * @param steps Whose turns the steps take; for an engine that computes elsewhere, one of its own.
 */
export async function runJob(
  job: EngineJob,
  texts: readonly string[],
  cancellation: Cancellation,
  onProgress: ((progress: EmbedProgress) => void) | undefined,
  steps = sharedSteps,
): Promise<EngineEmbeddings> {
  try {
    for (let start = 0; start < texts.length;) {
      if (start > 0) {
        await nextLoopTurn();
        cancellation.throwIfCancelled();
      }
      const end = sliceEnd(texts, start);
      job.push(texts.slice(start, end));
      start = end;
    }
    for (;;) {
      const step = await steps.run(cancellation, () => job.step(stepMilliseconds));
      const { result, texts: done, totalTexts, tokens } = unwrap(step);
      cancellation.throwIfCancelled();
      onProgress?.({ texts: done, totalTexts, tokens });
      if (result !== undefined) return result;
      // The caller may have aborted just now, in onProgress.
      cancellation.throwIfCancelled();
    }
  } finally {
    // A job that was given up would keep the model's weights until the garbage collector finds it.
    job.close();
  }
}

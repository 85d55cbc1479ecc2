import { fork } from "node:child_process";
import path from "node:path";

import type { NativeOptions } from "../../backends/native-options.js";
import { CandleEmbedError, type CandleEmbedErrorCode } from "../../errors.js";
import { aborted } from "../../utils/cancellation.js";
import type { Vectors } from "../compare.js";
import type { Dataset } from "../datasets/dataset.js";

/** How a sweep loads its model, besides the arithmetic. */
export type SweepModelOptions = Pick<
  NativeOptions,
  "threads" | "pooling" | "revision" | "cacheDir" | "offline" | "token"
>;

/** What the child is told. */
export interface EmbedTask {
  readonly model: string | undefined;
  readonly options: SweepModelOptions & Pick<NativeOptions, "dtype">;
  readonly kind: Dataset["kind"];
  readonly queries: readonly string[];
  readonly documents: readonly string[];
  /** Lengths of vectors that are wanted; `undefined` for some that fit the model. */
  readonly dimensions: readonly number[] | undefined;
}

/** The vectors of a model in one arithmetic, and what they took. */
export interface EmbeddedSet {
  readonly modelId: string;
  readonly dtype: string;
  readonly threads: number;
  /** Documents a second. */
  readonly textsPerSecond: number;
  /** The most memory that the process with the model and the vectors held. */
  readonly peakBytes: number;
  /** Unit vectors, a set for each length. */
  readonly sets: readonly { readonly queries: Vectors; readonly documents: Vectors }[];
}

/** What the child answers. */
export type EmbedReply =
  { readonly embedded: EmbeddedSet } | { readonly code: CandleEmbedErrorCode; readonly message: string };

/**
 * Embeds in a process of its own, which is gone afterwards.
 *
 * @throws CandleEmbedError as `NativeBackend.load` and `embed`, `ABORTED`; `INTERNAL` where the process ends early.
 */
export async function embedInProcess(task: EmbedTask, signal?: AbortSignal): Promise<EmbeddedSet> {
  if (signal?.aborted === true) throw aborted(signal);
  return new Promise((resolve, reject) => {
    const child = fork(path.join(__dirname, "embed-process.js"), [], { serialization: "advanced" });
    let reply: EmbedReply | undefined;
    let unsent: Error | null = null;
    const stop = (): void => void child.kill("SIGKILL");
    signal?.addEventListener("abort", stop, { once: true });
    child.once("message", (message) => (reply = message as EmbedReply));
    child.once("error", reject);
    // Not "exit", which may come before the last of what the child wrote was read.
    child.once("close", (code, killedBy) => {
      signal?.removeEventListener("abort", stop);
      if (reply !== undefined && "embedded" in reply) resolve(reply.embedded);
      else if (signal?.aborted === true) reject(aborted(signal));
      else if (reply !== undefined) reject(new CandleEmbedError(reply.code, reply.message));
      else {
        const end = killedBy ?? `exit code ${String(code)}`;
        const message = `the process that embeds ended early: ${end}`;
        reject(new CandleEmbedError("INTERNAL", message, unsent ? { cause: unsent } : {}));
      }
    });
    // Fails where the child has ended before it read the task (EPIPE): why it ended is for "close" to tell.
    child.send(task, (error) => {
      unsent = error;
      if (error) stop();
    });
  });
}

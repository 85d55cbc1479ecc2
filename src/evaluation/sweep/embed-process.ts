// The child process of a sweep: one model in one arithmetic, so that peak memory is its own. See embed-in-process.ts.
import { readFileSync } from "node:fs";

import { NativeBackend } from "../../backends/native-backend.js";
import { CandleEmbedError } from "../../errors.js";
import { largestDifference } from "../compare.js";
import { embedUnit, toEmbedder } from "../embedder.js";
import type { EmbeddedSet, EmbedReply, EmbedTask } from "./embed-in-process.js";
import { cutRows } from "./quantise.js";
import { messageOf } from "../../utils/message-of.js";

/** Texts on which the engine's cut is held against the plain one. */
const probes = 8;

/** Rounding of two ways to bring a row to length 1. */
const tolerance = 1e-5;

process.once("message", (task: EmbedTask) => {
  void embed(task)
    .then(
      (embedded): EmbedReply => ({ embedded }),
      (error: unknown): EmbedReply => ({
        code: CandleEmbedError.isInstance(error) ? error.code : "INTERNAL",
        message: messageOf(error),
      }),
    )
    .then((reply) => process.send?.(reply, () => process.disconnect()));
});

async function embed({
  model,
  options,
  queries,
  documents,
  kind,
  dimensions,
}: EmbedTask): Promise<EmbeddedSet> {
  await using backend = await NativeBackend.load(model, options);
  const embedder = toEmbedder(backend);
  const [queryKind, documentKind] =
    kind === "sts" ? (["similarity", "similarity"] as const) : (["query", "document"] as const);
  // The first calls touch memory for the first time.
  await embedUnit(embedder, documents.slice(0, 16), documentKind);
  const start = performance.now();
  const whole = await embedUnit(embedder, documents, documentKind);
  const seconds = (performance.now() - start) / 1000;
  const asked = await embedUnit(embedder, queries, queryKind);
  const sets: EmbeddedSet["sets"][number][] = [];
  for (const kept of dimensions ?? usualLengths(backend.dimensions)) {
    if (kept > backend.dimensions) {
      throw new CandleEmbedError(
        "INVALID_INPUT",
        `${backend.modelId} has ${String(backend.dimensions)} dimensions, not ${String(kept)}`,
      );
    }
    const cutter = toEmbedder(backend, backend.modelId, { dimensions: kept, cutWithoutMatryoshka: true });
    const some = documents.slice(0, probes);
    const engine = kept < backend.dimensions ? await embedUnit(cutter, some, documentKind) : undefined;
    const plain = cutRows(whole, kept);
    const differs =
      engine !== undefined &&
      largestDifference(engine.data, plain.data.subarray(0, some.length * kept)) > tolerance;
    // Some models do more than cut (NomicBERT's layer norm): then the engine makes all vectors anew.
    sets.push(
      differs
        ? {
            queries: await embedUnit(cutter, queries, queryKind),
            documents: await embedUnit(cutter, documents, documentKind),
          }
        : { queries: cutRows(asked, kept), documents: plain },
    );
  }
  return {
    modelId: backend.modelId,
    dtype: backend.dtype,
    threads: backend.threads,
    textsPerSecond: documents.length / seconds,
    peakBytes: peakMemory(),
    sets,
  };
}

/** The whole length, and those below it at which models are usually cut. */
function usualLengths(whole: number): number[] {
  return [whole, ...[512, 256, 128, 64].filter((length) => length < whole)];
}

/**
 * The most memory that this process held. Linux counts it for the program since its start; `resourceUsage` would begin with
 * the peak of the process that started it.
 */
function peakMemory(): number {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // no /proc: not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}

import { setTimeout as sleep } from "node:timers/promises";

import type {
  NativeEmbedder,
  NativeEmbedOptions,
  NativeError,
  NativeJob,
  NativeModelInfo,
  NativeStep,
  NativeTokens,
} from "../../binding.js";

/** Three numbers for a text that a test can predict. */
export function fakeVector(text: string): number[] {
  return [text.length, text.charCodeAt(0) || 0, 1];
}

/**
 * An embedder with the addon's shape and no model. `log` tells in which order things happened; a step takes a
 * millisecond and finishes `textsPerStep` texts, and can be held back.
 */
export class FakeEmbedder implements NativeEmbedder {
  readonly log: string[] = [];
  readonly options: NativeEmbedOptions[] = [];
  textsPerStep = Infinity;
  startError: NativeError | undefined;
  stepError: NativeError | undefined;
  /** Whatever computes this text fails. */
  badText: string | undefined;
  disposed = 0;
  /** Jobs that were started and not closed yet, and the most there ever were. */
  openJobs = 0;
  mostOpenJobs = 0;
  /** Steps under way, of all embedders, and the most there ever were. */
  static runningSteps = 0;
  static mostRunningSteps = 0;
  #held: { promise: Promise<void>; release: () => void } | undefined;

  get info(): NativeModelInfo {
    return {
      modelType: "bert",
      dimensions: 3,
      maxTokens: 16,
      pooling: "mean",
      normalized: true,
      prompts: { query: "query: " },
      weightsSha256: "ab".repeat(32),
      spaceId: "cd".repeat(32),
      device: "cpu",
      dtype: "float32",
      executor: "packed",
      threads: 2,
    };
  }

  startJob(options: NativeEmbedOptions): NativeJob | NativeError {
    this.options.push(options);
    return this.startError ?? new FakeJob(this);
  }

  /** A token for each UTF-16 code unit, which is its id. */
  async tokenize(texts: string[]): Promise<NativeTokens> {
    await sleep(1);
    const units = texts.map((text) => Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)));
    return {
      ids: Uint32Array.from(units.flat()),
      offsets: Uint32Array.from(units.flatMap((own) => own.flatMap((_, at) => [at, at + 1]))),
      lengths: Uint32Array.from(units, (own) => own.length),
    };
  }

  async detokenize(ids: Uint32Array, lengths: Uint32Array): Promise<string[]> {
    await sleep(1);
    let at = 0;
    return Array.from(lengths, (length) => String.fromCharCode(...ids.subarray(at, (at += length))));
  }

  dispose(): void {
    this.disposed++;
    this.log.push("disposed");
  }

  /** Steps started from now on end only after `release`. */
  hold(): void {
    let release = (): void => undefined;
    const promise = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#held = { promise, release };
  }

  release(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  async work(): Promise<void> {
    FakeEmbedder.runningSteps++;
    FakeEmbedder.mostRunningSteps = Math.max(FakeEmbedder.mostRunningSteps, FakeEmbedder.runningSteps);
    await (this.#held?.promise ?? sleep(1));
    FakeEmbedder.runningSteps--;
  }
}

class FakeJob implements NativeJob {
  readonly #embedder: FakeEmbedder;
  readonly #texts: string[] = [];
  #done = 0;

  constructor(embedder: FakeEmbedder) {
    this.#embedder = embedder;
    embedder.mostOpenJobs = Math.max(embedder.mostOpenJobs, ++embedder.openJobs);
  }

  push(texts: string[]): void {
    this.#embedder.log.push(`push ${String(texts.length)}`);
    this.#texts.push(...texts);
  }

  close(): void {
    this.#embedder.openJobs--;
    this.#embedder.log.push("close");
  }

  async step(): Promise<NativeStep | NativeError> {
    const embedder = this.#embedder;
    const texts = this.#texts;
    embedder.log.push(`step ${texts[0] ?? "-"}`);
    await embedder.work();
    if (embedder.stepError !== undefined) return embedder.stepError;
    if (embedder.badText !== undefined && texts.includes(embedder.badText)) {
      return { code: "INTERNAL", message: `a fault at ${embedder.badText}` };
    }
    this.#done = Math.min(texts.length, this.#done + embedder.textsPerStep);
    const progress = { texts: this.#done, totalTexts: texts.length, tokens: 2 * this.#done };
    if (this.#done < texts.length) return progress;
    return {
      ...progress,
      result: {
        data: Float32Array.from(texts.flatMap(fakeVector)),
        tokens: new Uint32Array(texts.length).fill(2),
        truncated: Uint32Array.from([...texts.keys()].filter((index) => (texts[index] ?? "").length > 16)),
        dimensions: 3,
      },
    };
  }
}

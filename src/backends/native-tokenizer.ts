import { unwrap, type EngineEmbedder } from "../engine.js";
import type { TokenizedText, TokenizeOptions } from "../tokens.js";
import type { Cancellation } from "../utils/cancellation.js";
import { FifoGate } from "../utils/fifo-gate.js";
import { sliceEnd } from "../utils/text-slices.js";
import {
  checkOptions,
  describe,
  invalid,
  isAbortSignal,
  isBoolean,
  type OptionCheck,
} from "./check-options.js";

const checks = {
  specialTokens: isBoolean,
  signal: isAbortSignal,
} satisfies Record<keyof TokenizeOptions, OptionCheck>;

/** One at a time, whatever its model: a slice takes one thread of the libuv pool, and no thread of the engine's. */
const slices = new FifoGate();

/** Checks the options of a call. */
export function checkTokenizeOptions(options: TokenizeOptions): void {
  checkOptions(options, checks);
}

/** The tokens of each text. */
export async function tokenize(
  embedder: EngineEmbedder,
  texts: readonly string[],
  options: TokenizeOptions,
  cancellation: Cancellation,
): Promise<TokenizedText[]> {
  const found: TokenizedText[] = [];
  for (let start = 0; start < texts.length;) {
    const end = sliceEnd(texts, start);
    const slice = texts.slice(start, end);
    const answer = await slices.run(cancellation, async () =>
      unwrap(await embedder.tokenize(slice, options.specialTokens ?? true)),
    );
    cancellation.throwIfCancelled();
    let at = 0;
    for (const length of answer.lengths) {
      const ids = answer.ids.subarray(at, at + length);
      found.push({ ids, offsets: answer.offsets.subarray(2 * at, 2 * (at + length)) });
      at += length;
    }
    start = end;
  }
  return found;
}

/** The text that each list of ids spells. */
export async function detokenize(
  embedder: EngineEmbedder,
  lists: readonly ArrayLike<number>[],
  cancellation: Cancellation,
): Promise<string[]> {
  if (!Array.isArray(lists))
    throw invalid(`ids must be an array of lists of token ids, not ${describe(lists)}`);
  const ids: number[] = [];
  const lengths: number[] = [];
  lists.forEach((list: ArrayLike<number>, index) => {
    if (typeof list !== "object" || typeof list?.length !== "number") {
      throw invalid(`ids of text ${String(index)} must be a list of token ids, not ${describe(list)}`, index);
    }
    for (const id of Array.from(list)) {
      if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff) {
        throw invalid(`text ${String(index)} has ${describe(id)} where a token id must be`, index);
      }
      ids.push(id);
    }
    lengths.push(list.length);
  });
  return slices.run(cancellation, async () =>
    unwrap(await embedder.detokenize(Uint32Array.from(ids), Uint32Array.from(lengths))),
  );
}

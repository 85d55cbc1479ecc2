import { describe, invalid } from "../backends/check-options.js";
import { Cancellation } from "../utils/cancellation.js";
import { readBlocks } from "./blocks.js";
import { resolveSizes, type ChunkOptions } from "./chunk-options.js";
import { LineCounter } from "./line-counter.js";
import { Planner, type Cursor, type Plan } from "./planner.js";
import { TokenCounter, type CountedText } from "./token-counter.js";
import { TokenWindow } from "./token-window.js";
import type { Tokenizer } from "./tokenizer.js";

/** A part of a text: `text.slice(start, end)`, without white space around it. */
export interface Chunk {
  /** `document.slice(start, end)`. */
  readonly text: string;
  /** Position of its first character, in UTF-16 units. */
  readonly start: number;
  /** Position behind its last character. */
  readonly end: number;
  /** Line of its first character, counted from 1. */
  readonly line: number;
  /** The headings above its first character, outermost first, joined by " > "; empty where there are none. */
  readonly heading: string;
  /** Tokens that the model reads of it, with special tokens and prompt (and headings, if they are counted). */
  readonly tokens: number;
}

/** Chunks that are counted in one call: of many, one that turns out too long makes those behind it be planned again. */
const chunksAtOnce = 16;

/** A blob without a border that the tokenizer takes for a single unknown token is not one chunk of a megabyte. */
const charactersPerToken = 64;

/**
 * Cuts a text into chunks of at most `tokens` tokens of a model: as many whole paragraphs as fit; of a paragraph that does
 * not fit, as many sentences; of a sentence, lines, then words, then characters. In Markdown no chunk goes on across a
 * heading. Every letter, digit and pictograph of the text is in a chunk; pieces without any are left out, and so is the
 * front matter of Markdown.
 *
 * Memory is bounded by a few chunks beside the text itself, whatever its length; the event loop stays free.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for wrong options, and where not even one character fits; `ABORTED`; `DISPOSED`.
 */
export async function* chunkText(
  backend: Tokenizer,
  text: string,
  options: ChunkOptions = {},
): AsyncGenerator<Chunk, void, undefined> {
  if (typeof (backend as Partial<Tokenizer> | undefined)?.tokenize !== "function") {
    throw invalid("backend must have a tokenizer, as a NativeBackend does; an API's is not known here");
  }
  if (typeof text !== "string") throw invalid(`text must be a string, not ${describe(text)}`);
  const { limit, overlap } = resolveSizes(options, backend.maxTokens);
  const { format = "text", signal } = options;
  const counter = new TokenCounter(backend, limit, options);
  const planner = new Planner(text, {
    blocks: readBlocks(text, format),
    tokens: new TokenWindow(text, backend, signal),
    room: async (heading) => limit - (await counter.around(heading)),
    overlap,
    maxCharacters: limit * charactersPerToken,
  });
  const lines = new LineCounter(text);
  const cancellation = new Cancellation(signal);
  try {
    const around = await counter.around("");
    if (around >= limit) {
      throw invalid(
        `option "tokens" must be above the ${String(around)} of special tokens and prompt, not ${String(limit)}`,
      );
    }
    let cursor: Cursor = { from: 0, previousStart: 0 };
    let less = 0;
    for (;;) {
      cancellation.throwIfCancelled();
      const plans = await planSome(planner, cursor, less);
      if (plans.length === 0) return;
      const counts = await counter.count(
        plans.map(({ start, end, heading }) => ({ text: text.slice(start, end), heading })),
      );
      for (const [index, plan] of plans.entries()) {
        const { text: piece, heading, tokens } = counts[index] as CountedText;
        if (tokens > limit) {
          // The estimate was too low: once more, with that much less.
          if (isOneCharacter(piece)) throw cannotFit(plan, piece, limit);
          less += tokens - limit;
          break;
        }
        less = 0;
        cursor = plan.next;
        planner.forget(plan.start);
        if (!saysSomething.test(piece)) continue;
        const { start, end } = plan;
        yield { text: piece, start, end, line: lines.at(start), heading, tokens };
      }
    }
  } finally {
    cancellation.close();
  }
}

const saysSomething = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;

async function planSome(planner: Planner, cursor: Cursor, less: number): Promise<Plan[]> {
  const plans: Plan[] = [];
  while (plans.length < chunksAtOnce) {
    const plan = await planner.plan(plans.at(-1)?.next ?? cursor, plans.length === 0 ? less : 0);
    if (plan === undefined) break;
    plans.push(plan);
  }
  return plans;
}

function isOneCharacter(piece: string): boolean {
  return /^.$/su.test(piece);
}

function cannotFit({ start }: Plan, piece: string, limit: number): Error {
  const place = `${JSON.stringify(piece)} at position ${String(start)}`;
  return invalid(`${place} alone has more than ${String(limit)} tokens; ask for larger chunks`);
}

import {
  checkOptions,
  invalid,
  isAbortSignal,
  isBoolean,
  isOneOf,
  isPositiveInteger,
  isString,
  type OptionCheck,
} from "../backends/check-options.js";
import type { InputType } from "../embedding-backend.js";
import { documentFormats, type DocumentFormat } from "./blocks.js";

/** Options of {@link chunkText}. */
export interface ChunkOptions {
  /**
   * Most tokens of a chunk, with all that goes into the model beside it: special tokens, prompt and, with
   * `withHeadings`, headings. Default: what the model reads, 512 at most.
   */
  readonly tokens?: number | undefined;
  /**
   * Tokens that a chunk repeats of the one before, at most; in whole sentences where one fits. Less where a whole paragraph
   * (of one that is too long, a sentence) would otherwise not fit in; none across a heading. Default 0.
   */
  readonly overlap?: number | undefined;
  /** `"markdown"` knows headings, code blocks and front matter; `"code"` cuts at line ends. Default `"text"`. */
  readonly format?: DocumentFormat | undefined;
  /** Counts the headings above a chunk as its first line, as {@link withHeading} puts them there. Default `false`. */
  readonly withHeadings?: boolean | undefined;
  /** Which prompt a chunk is embedded with: as for `embed`. Default `"document"`. */
  readonly inputType?: InputType | undefined;
  /** The model's prompt that will stand before every chunk, by its name; it is counted. */
  readonly promptName?: string | undefined;
  /** The same as a text. */
  readonly prompt?: string | undefined;
  /** Ends the work early with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Longer chunks are no chunks; models read a fraction of it. */
const maxTokens = 65_536;

/** What the models of today are asked for; a chunk of 8,192 tokens is found by everything and nothing. */
const defaultTokens = 512;

const isCount: OptionCheck = (value) =>
  value === 0 ? undefined : isPositiveInteger(value) && "a whole number from 0";

const checks = {
  tokens: isPositiveInteger,
  overlap: isCount,
  format: isOneOf(documentFormats),
  withHeadings: isBoolean,
  inputType: isOneOf(["query", "document"]),
  promptName: isString,
  prompt: isString,
  signal: isAbortSignal,
} satisfies Record<keyof ChunkOptions, OptionCheck>;

/** Checks the options and gives the sizes that they ask for of a model with this limit. */
export function resolveSizes(options: ChunkOptions, modelTokens: number): { limit: number; overlap: number } {
  checkOptions(options, checks);
  const { tokens: limit = Math.min(modelTokens, defaultTokens), overlap = 0 } = options;
  const most = Math.min(modelTokens, maxTokens);
  if (limit > most) throw invalid(`option "tokens" must be at most ${String(most)}, not ${String(limit)}`);
  if (overlap >= limit) {
    throw invalid(`option "overlap" must be less than the ${String(limit)} tokens of a chunk`);
  }
  return { limit, overlap };
}

import {
  checkOptions,
  invalid,
  isAbortSignal,
  isArray,
  isFunction,
  type OptionCheck,
} from "../backends/check-options.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import { checkBackend } from "./check-arguments.js";
import { aborted } from "../utils/cancellation.js";

/** What speed is measured with. */
export interface SpeedOptions {
  /** Tokens of the texts, about; those the model does not read are left out. Default 16, 64, 128, 256, 512. */
  readonly tokens?: readonly number[] | undefined;
  /** Texts of a call. Default 1, 8, 64. */
  readonly texts?: readonly number[] | undefined;
  /** For each pair of these, one call at least in each of three rounds. Default 0.6. */
  readonly seconds?: number | undefined;
  /** Ends the measurement early. */
  readonly signal?: AbortSignal | undefined;
  /** Hears what is measured next. */
  readonly onProgress?: ((point: Pick<SpeedPoint, "tokens" | "texts">) => void) | undefined;
}

/** Calls with so many texts of so many tokens. */
export interface SpeedPoint {
  /** Of a text, special tokens included, as the backend counted them; as asked for, where it does not. */
  readonly tokens: number;
  /** Of a call. */
  readonly texts: number;
  /** How many were measured. */
  readonly calls: number;
  /** Of the median call. */
  readonly textsPerSecond: number;
  /** Of the median call. */
  readonly tokensPerSecond: number;
  /** Median of a call, in milliseconds. */
  readonly p50Ms: number;
  /** What 95 % of the calls did not exceed, in milliseconds. */
  readonly p95Ms: number;
}

/** Words that are one token in the vocabularies of BERT and RoBERTa. */
const words =
  "time people water house city light music river book door hand paper garden winter summer bridge table window stone road".split(
    " ",
  );

const rounds = 3;

const isSeconds: OptionCheck = (value) =>
  typeof value === "number" && value >= 0 && value < Infinity ? undefined : "a number from 0";

const checks = {
  tokens: isArray,
  texts: isArray,
  seconds: isSeconds,
  signal: isAbortSignal,
  onProgress: isFunction,
} satisfies Record<keyof SpeedOptions, OptionCheck>;

/**
 * How fast a backend answers one call after another, by length of the texts and size of the call. All pairs take turns, so
 * that a machine which slows down slows all of them.
 *
 * @throws CandleEmbedError as `embed`; `INVALID_INPUT` where no length fits the model.
 */
export async function measureSpeed(
  backend: EmbeddingBackend,
  options: SpeedOptions = {},
): Promise<SpeedPoint[]> {
  checkBackend(backend);
  checkOptions(options, checks);
  const { tokens = [16, 64, 128, 256, 512], texts = [1, 8, 64], seconds = 0.6, signal, onProgress } = options;
  const lengths = tokens.filter((length) => length <= backend.maxTokens);
  if (lengths.length === 0) {
    throw invalid(
      `the model reads ${String(backend.maxTokens)} tokens, fewer than any of ${tokens.join(", ")}`,
    );
  }
  const cells = lengths.flatMap((length) =>
    texts.map((count) => ({ length, count, counted: length, times: [] as number[] })),
  );
  let next = 0;
  for (let round = -1; round < rounds; round++) {
    for (const cell of cells) {
      if (signal?.aborted === true) throw aborted(signal);
      onProgress?.({ tokens: cell.counted, texts: cell.count });
      // The first round touches memory and compiles code.
      const end = performance.now() + (round < 0 ? 0 : (1000 * seconds) / rounds);
      do {
        const batch = Array.from({ length: cell.count }, () => textOf(cell.length, next++));
        const start = performance.now();
        const answer = await backend.embed(batch, { signal });
        const took = performance.now() - start;
        if (round < 0) cell.counted = median(Array.from(answer.tokens)) || cell.length;
        else cell.times.push(took);
      } while (performance.now() < end);
    }
  }
  return cells.map(({ count, counted, times }) => {
    const p50Ms = median(times);
    const textsPerSecond = (1000 * count) / p50Ms;
    return {
      tokens: counted,
      texts: count,
      calls: times.length,
      textsPerSecond,
      tokensPerSecond: textsPerSecond * counted,
      p50Ms,
      p95Ms: quantile(times, 0.95),
    };
  });
}

/** A text of so many tokens with those at its ends, no two alike. */
function textOf(tokens: number, number: number): string {
  let rest = number;
  const text = Array.from({ length: Math.max(1, tokens - 2) }, () => {
    const word = words[rest % words.length] as string;
    // Runs through other digits of the number, and then round again.
    rest = rest < words.length ? rest + number + 7 : Math.floor(rest / words.length);
    return word;
  });
  return text.join(" ");
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

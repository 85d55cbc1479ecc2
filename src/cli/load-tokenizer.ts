import { NativeBackend } from "../backends/native-backend.js";
import { resolveSizes } from "../chunking/chunk-options.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import { defaultPassageTokens } from "../retrieval/passage.js";
import { asUsage } from "./as-usage.js";
import type { Context } from "./command.js";
import { loadModel, type ModelValues } from "./model-options.js";

/** The model that the command line names, for its tokenizer; where that is an API's, the model that is installed. */
export async function loadTokenizer(values: ModelValues, context: Context): Promise<NativeBackend> {
  const backend = await loadModel(values, context);
  if (backend instanceof NativeBackend) return backend;
  await backend.dispose();
  return NativeBackend.load(undefined, { signal: context.signal });
}

/** The most tokens of a passage: what `--tokens` says, or else as many as suit a search. */
export function passageTokens(wanted: number | undefined, { maxTokens }: NativeBackend): number {
  const tokens = wanted ?? Math.min(defaultPassageTokens, maxTokens);
  return asUsage(() => resolveSizes({ tokens }, maxTokens), { tokens: "tokens" }).limit;
}

/**
 * What counts the tokens of texts that `backend` embeds. The tokenizer behind an API is not known here; the one that is
 * installed counts within some percent of it, and chunks are far below what an API reads.
 */
export async function tokenizerFor(backend: EmbeddingBackend, signal: AbortSignal): Promise<NativeBackend> {
  return backend instanceof NativeBackend ? backend : NativeBackend.load(undefined, { signal });
}

import type { VectorSpace } from "../embedding-backend.js";

/** What chunking needs of a model; a `NativeBackend` is one. */
export interface Tokenizer {
  /** Tokens of a text the model reads, special tokens included. */
  readonly maxTokens: number;
  /** Whose prompts are counted. */
  readonly space: Pick<VectorSpace, "prompts">;
  /** The tokens of each text, and where in it they stand. */
  tokenize(
    texts: readonly string[],
    options?: { readonly specialTokens?: boolean | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<readonly TokenSpans[]>;
}

/** The tokens of one text. */
export interface TokenSpans {
  /** In the tokenizer's numbers. */
  readonly ids: ArrayLike<number>;
  /** Start and end of each token, in UTF-16 units of the text. */
  readonly offsets: ArrayLike<number>;
}

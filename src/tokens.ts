/** The tokens of one text, none cut off. */
export interface TokenizedText {
  /** Ids in the model's vocabulary. */
  readonly ids: Uint32Array;
  /**
   * Start and end of each token, in UTF-16 code units: `text.slice(offsets[2 * i], offsets[2 * i + 1])` is token `i`.
   * Special tokens are empty.
   */
  readonly offsets: Uint32Array;
}

/** Options of `NativeBackend.tokenize`. */
export interface TokenizeOptions {
  /** `true` (default) for the special tokens that an embedded text gets around it, such as `[CLS]` and `[SEP]`. */
  readonly specialTokens?: boolean | undefined;
  /** Ends the call early: while it waits, or between two slices of about a megabyte. */
  readonly signal?: AbortSignal | undefined;
}

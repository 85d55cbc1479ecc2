/** Where bytes go. */
export interface Output {
  /** Whether {@link rewriteStart} works. */
  readonly seekable: boolean;
  write(chunk: string | Uint8Array): Promise<void>;
  /** Overwrites the first bytes, for headers that are known only at the end. */
  rewriteStart(bytes: Uint8Array): Promise<void>;
}

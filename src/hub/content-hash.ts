import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";

/** What a file's content must be. */
export interface ExpectedContent {
  readonly size: number;
  /** SHA-256, or the hash of the git object. */
  readonly etag: string;
  /** A pinned SHA-256, where the catalogue has one. */
  readonly sha256?: string | undefined;
}

/** Hashes content piece by piece, in the way its etag was made. */
export class ContentHash {
  readonly #expected: ExpectedContent;
  readonly #sha256 = createHash("sha256");
  readonly #git: Hash | undefined;
  #size = 0;

  constructor(expected: ExpectedContent) {
    this.#expected = expected;
    // git hashes a header with the size first.
    if (expected.etag.length === 40) {
      this.#git = createHash("sha1").update(`blob ${String(expected.size)}\0`);
    }
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#size += chunk.length;
    this.#sha256.update(chunk);
    this.#git?.update(chunk);
  }

  /** Whether this was the content, all of it. Ends the hashing. */
  isRight(): boolean {
    const { size, etag, sha256: pinned } = this.#expected;
    const sha256 = this.#sha256.digest("hex");
    const named = this.#git === undefined ? sha256 : this.#git.digest("hex");
    return this.#size === size && named === etag && (pinned === undefined || pinned === sha256);
  }
}

/** Reads a file and says whether it is what it should be. */
export async function hasContent(
  file: string,
  expected: ExpectedContent,
  signal: AbortSignal,
): Promise<boolean> {
  const hash = new ContentHash(expected);
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal }))
    hash.update(chunk as Buffer);
  return hash.isRight();
}

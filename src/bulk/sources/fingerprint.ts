import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

/** Bytes at either end of the file that go into the hash. */
const edgeBytes = 65_536;

/** What a file is recognised by without reading it whole. */
export interface Fingerprint {
  readonly size: number;
  readonly modified: string;
  /** SHA-256 of the first and the last 64 KiB: files that were restored with their times but are others. */
  readonly edges: string;
}

/** Size, time of the last change, and a hash of both ends. */
export async function fingerprintFile(file: string): Promise<Fingerprint> {
  const handle = await open(file, "r");
  try {
    const { size, mtime } = await handle.stat();
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(Math.min(edgeBytes, size));
    for (const position of [0, Math.max(0, size - edgeBytes)]) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return { size, modified: mtime.toISOString(), edges: hash.digest("hex") };
  } finally {
    await handle.close();
  }
}

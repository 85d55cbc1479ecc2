import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

import type { Output } from "./output.js";

/** How far a part has come, and what it was given since the time before. */
export interface PartState {
  readonly size: number;
  /** SHA-256 (half of it) of the bytes from the state before up to here. */
  readonly sum: string;
}

/** A file that grows at its end, and knows what it was given. */
export class PartFile implements Output {
  readonly seekable = true;
  readonly path: string;
  readonly #handle: FileHandle;
  #size = 0;
  #hash: Hash = createHash("sha256");

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Opens the file as it is, or makes it, with `mode` where that is given. */
  static async open(path: string, mode?: number): Promise<PartFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, mode);
    try {
      // The mode of a new file is cut by the umask.
      if (mode !== undefined) await handle.chmod(mode);
      return new PartFile(path, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the bytes from `start` on are those of `state`. */
  async holds(start: number, { size, sum }: PartState): Promise<boolean> {
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(65_536);
    for (let at = start; at < size;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, size - at), at);
      if (bytesRead === 0) return false;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return digest(hash) === sum;
  }

  /** Whether the file is at least so long. */
  async reaches(size: number): Promise<boolean> {
    return (await this.#handle.stat()).size >= size;
  }

  /** Forgets what is behind `size`; writing goes on there. */
  async cut(size: number): Promise<void> {
    await this.#handle.truncate(size);
    this.#size = size;
  }

  async write(chunk: string | Uint8Array): Promise<void> {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    await this.#writeAt(bytes, this.#size);
    this.#size += bytes.length;
    this.#hash.update(bytes);
  }

  async rewriteStart(bytes: Uint8Array): Promise<void> {
    await this.#writeAt(bytes, 0);
  }

  /** The state now, and the beginning of the next one. */
  takeState(): PartState {
    const state = { size: this.#size, sum: digest(this.#hash) };
    this.#hash = createHash("sha256");
    return state;
  }

  /** Makes what was written survive a power cut. */
  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #writeAt(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    } catch (error) {
      // Node names no file in the errors of an open one.
      if (error instanceof Error) error.message += ` '${this.path}'`;
      throw error;
    }
  }
}

function digest(hash: Hash): string {
  return hash.digest("hex").slice(0, 32);
}

import { open, rename, rm, type FileHandle } from "node:fs/promises";

import { write } from "./write.js";

/** Where a command's result goes. */
export interface Output {
  /** Whether {@link rewriteStart} works. */
  readonly seekable: boolean;
  write(chunk: string | Uint8Array): Promise<void>;
  /** Overwrites the first bytes, for headers that are known only at the end. */
  rewriteStart(bytes: Uint8Array): Promise<void>;
  /** Makes the result visible. */
  commit(): Promise<void>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

/** Standard output, or a file that appears under its name only when it is complete. */
export async function openOutput(file: string | undefined, stdout: NodeJS.WriteStream): Promise<Output> {
  if (file === undefined) return new StreamOutput(stdout);
  const partial = `${file}.${String(process.pid)}.partial`;
  return new FileOutput(await open(partial, "w"), partial, file);
}

class StreamOutput implements Output {
  readonly seekable = false;
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  write(chunk: string | Uint8Array): Promise<void> {
    return write(this.#stream, chunk);
  }

  rewriteStart(): Promise<void> {
    return Promise.reject(new Error("a stream cannot be rewritten"));
  }

  async commit(): Promise<void> {
    // Every write has been waited for.
  }

  async discard(): Promise<void> {
    // What is out is out.
  }
}

class FileOutput implements Output {
  readonly seekable = true;
  readonly #handle: FileHandle;
  readonly #partial: string;
  readonly #file: string;

  constructor(handle: FileHandle, partial: string, file: string) {
    this.#handle = handle;
    this.#partial = partial;
    this.#file = file;
  }

  async write(chunk: string | Uint8Array): Promise<void> {
    await this.#handle.writeFile(chunk);
  }

  async rewriteStart(bytes: Uint8Array): Promise<void> {
    await this.#handle.write(bytes, 0, bytes.length, 0);
  }

  async commit(): Promise<void> {
    await this.#handle.close();
    await rename(this.#partial, this.#file);
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#partial, { force: true });
  }
}

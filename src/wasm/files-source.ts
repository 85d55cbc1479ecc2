import { CandleEmbedError } from "../errors.js";
import type { ModelRead, ModelSource } from "./model-source.js";

/** A model's files by their paths in its folder, for example `"1_Pooling/config.json"`. */
export type ModelFiles = Readonly<Record<string, Uint8Array>>;

/** A model that the caller has in memory. */
export class FilesSource implements ModelSource {
  readonly modelId = "files";
  readonly #files: ModelFiles;

  constructor(files: ModelFiles) {
    for (const [name, bytes] of Object.entries(files)) {
      if (bytes instanceof Uint8Array) continue;
      throw new CandleEmbedError("INVALID_INPUT", `the model's file ${name} must be a Uint8Array`);
    }
    this.#files = files;
  }

  read(): Promise<ModelRead> {
    // Copies: the worker takes its buffers over, and these are the caller's.
    return Promise.resolve({
      files: Object.entries(this.#files).map(([name, bytes]) => [name, bytes.slice()]),
    });
  }
}

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";

import type { CatalogEntry } from "../catalog.js";
import { CandleEmbedError } from "../errors.js";
import { checkInside } from "../hub/names.js";
import { neededFiles, type ModelFiles } from "../hub/needed-files.js";
import type { ModelRead, ModelSource } from "./model-source.js";

/** A model folder of the disk. */
export class FolderSource implements ModelSource {
  readonly modelId: string;
  readonly matryoshkaDimensions: readonly number[] | undefined;
  readonly #folder: string;
  readonly #revision: string | undefined;

  /** @param entry What the catalogue says of it; a folder is not looked up by its name. */
  constructor(folder: string, entry?: CatalogEntry) {
    this.modelId = entry?.modelId ?? path.basename(folder);
    this.matryoshkaDimensions = entry?.matryoshkaDimensions;
    this.#folder = folder;
    this.#revision = entry?.revision;
  }

  async read(): Promise<ModelRead> {
    if (!existsSync(this.#folder)) {
      throw new CandleEmbedError("MODEL_NOT_FOUND", `there is no model folder ${this.#folder}`);
    }
    const where = (name: string): string => path.join(this.#folder, ...checkInside(name).split("/"));
    const files: ModelFiles = {
      repository: this.#folder,
      has: (name) => existsSync(where(name)),
      readJson: async (name) => JSON.parse(await readFile(where(name), "utf8")) as unknown,
    };
    const names = await neededFiles(files);
    // A copy of its own: small files come in Node's shared pool, which cannot be handed over.
    const read = async (name: string): Promise<[string, Uint8Array]> => [
      name,
      new Uint8Array(await readFile(where(name))),
    ];
    return { files: await Promise.all(names.map(read)), revision: this.#revision };
  }
}

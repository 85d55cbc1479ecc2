import { TextEmbeddingFunction } from "@lancedb/lancedb/embedding";

import { StoredBackend, type StoredBackendOptions, type StoredConfig } from "../stored-backend.js";

/**
 * An embedding function for LanceDB, registered as `candle-embed`: tables embed what is added with the model's prompt for
 * documents, and what is searched with the one for queries.
 *
 * ```ts
 * const embed = await CandleEmbeddingFunction.create();
 * const schema = LanceSchema({ text: embed.sourceField(), vector: embed.vectorField() });
 * ```
 *
 * The table keeps the configuration; LanceDB makes the function from it for every call. They share one model, which stays
 * loaded.
 */
export class CandleEmbeddingFunction
  extends TextEmbeddingFunction<StoredBackendOptions>
  implements AsyncDisposable
{
  readonly #backend: StoredBackend;

  /** @throws CandleEmbedError `INVALID_INPUT` for wrong options. */
  constructor(options: StoredBackendOptions = {}) {
    super();
    const { backend, load, ...stored } = options;
    this.#backend = new StoredBackend({ ...this.resolveVariables(stored), backend, load });
  }

  /** A function whose model is loaded, which LanceDB wants for a schema. */
  static async create(options: StoredBackendOptions = {}): Promise<CandleEmbeddingFunction> {
    const created = new CandleEmbeddingFunction(options);
    await created.init();
    return created;
  }

  /**
   * Loads the model.
   *
   * @throws CandleEmbedError as `NativeBackend.load`; `SPACE_MISMATCH` for another model than the table's vectors are of.
   */
  override init(): Promise<void> {
    return this.#backend.load();
  }

  /** What the table keeps. */
  override toJSON(): StoredConfig {
    return this.#backend.config;
  }

  override ndims(): number | undefined {
    return this.#backend.dimensions;
  }

  /** The vectors of texts to be found; views of one array. */
  override async generateEmbeddings(texts: string[]): Promise<Float32Array[]> {
    return [...(await this.#backend.embed(texts, { inputType: "document" }))];
  }

  /** The vector of a question. */
  override async computeQueryEmbeddings(text: string): Promise<Float32Array> {
    return (await this.#backend.embed([text], { inputType: "query" })).data;
  }

  /** Gives back a model that was loaded; a backend that was passed goes on. */
  dispose(): Promise<void> {
    return this.#backend.dispose();
  }

  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

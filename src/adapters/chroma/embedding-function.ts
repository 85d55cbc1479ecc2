import { invalid } from "../../backends/check-options.js";
import type { InputType } from "../../embedding-backend.js";
import { StoredBackend, type StoredBackendOptions, type StoredConfig } from "../stored-backend.js";

/** The name that a collection's configuration has for the function. */
export const functionName = "candle-embed";

/** What decides which vectors a function gives. */
const deciding = ["model", "revision", "space", "dimensions", "normalize"] as const;

/**
 * An embedding function for Chroma: collections embed their documents with the model's prompt for documents, and their
 * questions with the one for queries.
 *
 * ```ts
 * const collection = await client.createCollection({ name: "notes", embeddingFunction: new CandleEmbeddingFunction() });
 * ```
 *
 * A collection keeps the configuration, so that `getCollection({ name })` finds the function by itself in every program
 * that has imported this module.
 */
export class CandleEmbeddingFunction implements AsyncDisposable {
  /** What Chroma finds the function by. */
  readonly name = functionName;
  readonly #backend: StoredBackend;

  /** @throws CandleEmbedError `INVALID_INPUT` for wrong options. */
  constructor(options: StoredBackendOptions = {}) {
    this.#backend = new StoredBackend(options);
  }

  /** The function of a stored configuration. */
  static buildFromConfig(config: Record<string, unknown>): CandleEmbeddingFunction {
    return new CandleEmbeddingFunction(config);
  }

  /** The same, where Chroma asks an instance. */
  buildFromConfig(config: Record<string, unknown>): CandleEmbeddingFunction {
    return CandleEmbeddingFunction.buildFromConfig(config);
  }

  /** The vectors of documents. */
  generate(texts: string[]): Promise<number[][]> {
    return this.#embed(texts, "document");
  }

  /** The vectors of questions. */
  generateForQueries(texts: string[]): Promise<number[][]> {
    return this.#embed(texts, "query");
  }

  /** The distance that a collection has where nobody says. */
  defaultSpace(): "cosine" {
    return "cosine";
  }

  /** The distances that a collection may have. */
  supportedSpaces(): ("cosine" | "l2" | "ip")[] {
    return ["cosine", "l2", "ip"];
  }

  /** What a collection keeps: names and numbers, no folders of this machine and no keys. */
  getConfig(): StoredConfig {
    return this.#backend.config;
  }

  /** @throws CandleEmbedError `INVALID_INPUT` for a configuration that no function can be made of. */
  validateConfig(config: Record<string, unknown>): void {
    CandleEmbeddingFunction.buildFromConfig(config);
  }

  /** @throws CandleEmbedError `INVALID_INPUT` for one with other vectors than the collection has. */
  validateConfigUpdate(newConfig: Record<string, unknown>): void {
    const config = this.getConfig();
    for (const name of deciding) {
      // A function knows its space once it has embedded; one that does not know it yet contradicts nothing.
      if (name === "space" && (config.space === undefined || newConfig["space"] === undefined)) continue;
      if (newConfig[name] === config[name]) continue;
      throw invalid(
        `"${name}" of the embedding function cannot change: the collection's vectors are of ` +
          `${JSON.stringify(config[name])}, not ${JSON.stringify(newConfig[name])}; make a new collection`,
      );
    }
  }

  /** Gives back a model that was loaded; a backend that was passed goes on. */
  dispose(): Promise<void> {
    return this.#backend.dispose();
  }

  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #embed(texts: string[], inputType: InputType): Promise<number[][]> {
    return (await this.#backend.embed(texts, { inputType })).toArrays();
  }
}

import type {
  EmbeddingBackend,
  EmbedOptions,
  OutputType,
  OutputVector,
  VectorSpace,
} from "../embedding-backend.js";
import type { Embeddings } from "../embeddings.js";
import { CandleEmbedError } from "../errors.js";
import { describe, invalid } from "./check-options.js";
import { withInputType } from "./embed-options.js";

/** What every backend of this package does the same way: the two forms of {@link embed} for search, and an end that comes once. */
export abstract class BaseBackend implements EmbeddingBackend {
  abstract readonly modelId: string;
  abstract readonly revision: string;
  abstract readonly dimensions: number;
  abstract readonly maxTokens: number;
  abstract readonly space: VectorSpace;
  #disposal: Promise<void> | undefined;

  abstract embed<Output extends OutputType = "float32">(
    texts: string | readonly string[],
    options?: EmbedOptions<Output>,
  ): Promise<Embeddings<OutputVector<Output>>>;

  /**
   * Embeds a search query and gives its vector: `embed` with `inputType: "query"`.
   *
   * @throws CandleEmbedError as `embed`; `INVALID_INPUT` too when `options.inputType` says otherwise.
   */
  async embedQuery<Output extends OutputType = "float32">(
    text: string,
    options?: EmbedOptions<Output>,
  ): Promise<OutputVector<Output>> {
    if (typeof text !== "string") throw invalid(`text must be a string, not ${describe(text)}`);
    const embeddings = await this.embed<Output>([text], withInputType(options, "query"));
    return embeddings.data;
  }

  /**
   * Embeds texts to be found by queries: `embed` with `inputType: "document"`.
   *
   * @throws CandleEmbedError as `embed`; `INVALID_INPUT` too when `options.inputType` says otherwise.
   */
  async embedDocuments<Output extends OutputType = "float32">(
    texts: readonly string[],
    options?: EmbedOptions<Output>,
  ): Promise<Embeddings<OutputVector<Output>>> {
    if (!Array.isArray(texts)) throw invalid(`texts must be an array of strings, not ${describe(texts)}`);
    return this.embed<Output>(texts, withInputType(options, "document"));
  }

  /**
   * Ends the backend: calls under way and later ones reject with `DISPOSED`, and the promise resolves when nothing of it
   * runs any more. Calling it again gives the same promise.
   */
  dispose(): Promise<void> {
    this.#disposal ??= this.end();
    return this.#disposal;
  }

  /** `await using backend = ...` */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Whether `dispose` was called. */
  protected get isDisposed(): boolean {
    return this.#disposal !== undefined;
  }

  /** @throws CandleEmbedError `DISPOSED` after `dispose`. */
  protected checkNotDisposed(): void {
    if (this.isDisposed) throw disposed();
  }

  /** What `dispose` does, once. */
  protected abstract end(): Promise<void>;
}

/** What calls of a backend that was disposed reject with. */
export function disposed(): CandleEmbedError {
  return new CandleEmbedError("DISPOSED", "the backend was disposed");
}

import { describe, invalid } from "../../backends/check-options.js";
import type { EmbedOptions } from "../../embedding-backend.js";
import { cosineSimilarity, dotProduct, requireComparable } from "../../similarity.js";
import { AdapterBackend, type AdapterCallOptions } from "../adapter-backend.js";
import type { AdapterOptions } from "../adapter-options.js";
import { Callable } from "./callable.js";

/** What is embedded of a node of LlamaIndex. */
interface EmbeddableNode {
  getContent(mode: string): string;
  embedding?: number[] | undefined;
}

/** What LlamaIndex passes to a transformation and to a batch. */
interface BatchOptions extends AdapterCallOptions {
  readonly logProgress?: boolean | undefined;
  /** Called with the texts finished and the texts of the call. */
  readonly progressCallback?: ((current: number, total: number) => void) | undefined;
  readonly logger?: { log(...what: unknown[]): void } | undefined;
}

/** An embedding is a transformation too: an `IngestionPipeline` and an index call it with nodes. */
type Transformation = <Node extends EmbeddableNode>(
  nodes: Node[],
  options?: Record<string, unknown>,
) => Promise<Node[]>;

/** LlamaIndex' name for a node's text with the metadata that its author wants embedded. */
const embedMode = "EMBED";

class Embedding extends Callable<Transformation> implements AsyncDisposable {
  readonly id: string = crypto.randomUUID();
  /** How many texts LlamaIndex gathers where it makes the batches. */
  embedBatchSize = 512;
  readonly #backend: AdapterBackend;

  /** @throws CandleEmbedError `INVALID_INPUT` for wrong options. */
  constructor(options: AdapterOptions = {}) {
    super(async (nodes, batchOptions) => {
      const texts = nodes.map((node) => node.getContent(embedMode));
      const vectors = await this.getTextEmbeddingsBatch(texts, batchOptions);
      nodes.forEach((node, index) => (node.embedding = vectors[index]));
      return nodes;
    });
    this.#backend = new AdapterBackend(options);
  }

  /** The vectors' length and the tokens that are read of a text; empty until the model is there. */
  get embedInfo(): { dimensions?: number; maxTokens?: number } {
    const backend = this.#backend.loaded;
    if (backend === undefined) return {};
    const dimensions = this.#backend.defaults.dimensions ?? backend.dimensions;
    return { dimensions, maxTokens: backend.maxTokens };
  }

  /** The vector of a text to be found, with the model's prompt for documents. */
  async getTextEmbedding(text: string, options?: AdapterCallOptions): Promise<number[]> {
    return (await this.#embed([text], { signal: options?.signal }))[0] as number[];
  }

  /** The vector of a question, with the model's prompt for queries; `null` for what is no text. */
  async getQueryEmbedding(
    query: { readonly type: string; readonly text?: string | undefined },
    options?: AdapterCallOptions,
  ): Promise<number[] | null> {
    if (query.type !== "text" || query.text === undefined) return null;
    return Array.from(await this.#backend.embedQuery(query.text, { signal: options?.signal }));
  }

  /** The vectors of texts to be found, in one call. A property with a function, since LlamaIndex passes it on without `this`. */
  getTextEmbeddings = (texts: string[], options?: AdapterCallOptions): Promise<number[][]> =>
    this.#embed(texts, { signal: options?.signal });

  /** The same with LlamaIndex' options of a batch; the backend makes its batches itself. */
  getTextEmbeddingsBatch(texts: string[], options: BatchOptions = {}): Promise<number[][]> {
    const { signal, progressCallback, logProgress, logger = console } = options;
    return this.#embed(texts, {
      signal,
      onProgress({ texts: current, totalTexts: total }) {
        progressCallback?.(current, total);
        if (logProgress === true) logger.log(`embedded ${String(current)} of ${String(total)} texts`);
      },
    });
  }

  /** How similar two vectors are, the more the higher: `cosine` (default), `dot_product`, or minus the `euclidean` distance. */
  similarity(a: number[], b: number[], mode = "cosine"): number {
    if (mode === "cosine") return cosineSimilarity(a, b);
    if (mode === "dot_product") return dotProduct(a, b);
    if (mode !== "euclidean")
      throw invalid(`mode must be cosine, dot_product or euclidean, not ${describe(mode)}`);
    requireComparable(a, b);
    const difference = a.map((value, index) => value - (b[index] as number));
    return -Math.sqrt(dotProduct(difference, difference));
  }

  /** The texts as they are: the backend cuts by its own tokenizer. */
  truncateMaxTokens(input: string[]): string[] {
    return input;
  }

  /** Gives back a model that was loaded; a backend that was passed goes on. */
  dispose(): Promise<void> {
    return this.#backend.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #embed(texts: string[], options: EmbedOptions<"float32">): Promise<number[][]> {
    return (await this.#backend.embedDocuments(texts, options)).toArrays();
  }
}

/**
 * An embedding for LlamaIndex.TS: `Settings.embedModel = new CandleEmbedding()`.
 *
 * It has the members of LlamaIndex' `BaseEmbedding` without extending it: a program that imports LlamaIndex would get the
 * class of another copy, the one for `require`.
 */
export type CandleEmbedding = Embedding & Transformation;
/** The class of {@link CandleEmbedding:type}. */
export const CandleEmbedding = Embedding as {
  /**
   * Loads nothing before the first call.
   *
   * @throws CandleEmbedError `INVALID_INPUT` for wrong options.
   */
  // eslint-disable-next-line @typescript-eslint/prefer-function-type -- there its documentation has no place
  new (options?: AdapterOptions): CandleEmbedding;
};

import { invalid, isFilledString, type OptionCheck } from "../../backends/check-options.js";
import { AdapterBackend, type AdapterCallOptions } from "../adapter-backend.js";
import type { AdapterOptions } from "../adapter-options.js";

/** A document of Orama. */
type Document = Record<string, unknown>;

/** What the plugin reads and sets of a search. */
interface SearchParams {
  mode?: string;
  term?: string;
  vector?: { value: number[] | Float32Array; property: string };
  similarity?: number;
}

/** Options of {@link pluginCandleEmbed}. */
export interface OramaPluginOptions extends AdapterOptions {
  /** What is embedded of a document: the names of its properties, joined by line ends, or a function that gives the text. */
  readonly text: readonly string[] | ((document: Document) => string);
  /** The property of the schema that holds the vector, for example `embedding: "vector[384]"`. Default `"embedding"`. */
  readonly property?: string | undefined;
  /**
   * The least cosine of an answer, where a search does not say. Default 0: Orama's own 0.8 leaves out most good answers of
   * most models.
   */
  readonly similarity?: number | undefined;
}

/** A plugin for `create({ plugins: [...] })`. */
export interface OramaPlugin extends AsyncDisposable {
  /** What Orama calls it. */
  readonly name: string;
  /** Gives a document its vector; called by Orama, as the other two. */
  beforeInsert(orama: unknown, id: string, document: Document): Promise<void>;
  /** Gives the documents that lack one their vectors. */
  beforeInsertMultiple(orama: unknown, documents: Document[]): Promise<void>;
  /** Embeds the term of a search in the modes `vector` and `hybrid`. */
  beforeSearch(orama: unknown, params: object): Promise<void>;
  /**
   * Gives many documents their vectors in one call and returns them, for `insertMultiple`: by itself it lets a plugin see one
   * document after the other, which takes longer.
   */
  embed<Doc extends object>(documents: Doc[], options?: AdapterCallOptions): Promise<Doc[]>;
  /** Gives back a model that was loaded; a backend that was passed goes on. */
  dispose(): Promise<void>;
}

const checks: Readonly<Record<string, OptionCheck>> = {
  text: (value) =>
    typeof value === "function" || (Array.isArray(value) && value.length > 0)
      ? undefined
      : "an array of the names of properties, or a function",
  property: isFilledString,
  similarity: (value) =>
    typeof value === "number" && value >= -1 && value <= 1 ? undefined : "a number from -1 to 1",
};

/**
 * Embeds the documents of an Orama database as they are inserted, and the terms of searches with `mode: "vector"` or
 * `"hybrid"`.
 *
 * ```ts
 * const embeddings = pluginCandleEmbed({ text: ["title", "body"] });
 * const db = create({ schema: { title: "string", body: "string", embedding: "vector[384]" }, plugins: [embeddings] });
 * ```
 *
 * A document that has a vector keeps it. Inserts are asynchronous: await them.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for wrong options.
 */
export function pluginCandleEmbed(options: OramaPluginOptions): OramaPlugin {
  const { text, property = "embedding", similarity = 0 } = options ?? {};
  if (text === undefined)
    throw invalid('option "text" is missing: the properties of a document to be embedded');
  const backend = new AdapterBackend(options, checks);
  const toText = typeof text === "function" ? text : (document: Document) => joined(document, text);

  const embed = async <Doc extends object>(
    documents: Doc[],
    { signal }: AdapterCallOptions = {},
  ): Promise<Doc[]> => {
    const without = (documents as Document[]).filter((each) => !Array.isArray(each[property]));
    if (without.length === 0) return documents;
    const vectors = (await backend.embedDocuments(without.map(toText), { signal })).toArrays();
    without.forEach((document, index) => (document[property] = vectors[index]));
    return documents;
  };

  // Orama looks whether these are declared `async`; with plain functions it would not wait.
  return {
    name: "candle-embed",
    embed,
    async beforeInsert(_orama, _id, document) {
      await embed([document]);
    },
    // Without it insertMultiple does not wait for beforeInsert (Orama 3.1).
    async beforeInsertMultiple(_orama, documents) {
      await embed(documents);
    },
    async beforeSearch(_orama, params: SearchParams) {
      if (params.mode !== "vector" && params.mode !== "hybrid") return;
      params.similarity ??= similarity;
      if (params.vector !== undefined || !params.term) return;
      params.vector = { value: Array.from(await backend.embedQuery(params.term)), property };
    },
    dispose: () => backend.dispose(),
    [Symbol.asyncDispose]: () => backend.dispose(),
  };
}

function joined(document: Document, names: readonly string[]): string {
  return names
    .map((name) => document[name])
    .filter((value) => value !== undefined && value !== null)
    .map(String)
    .join("\n");
}

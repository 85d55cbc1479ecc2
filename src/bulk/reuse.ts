import { createHash } from "node:crypto";

import type { OutputType, OutputVector } from "../embedding-backend.js";
import { Embeddings } from "../embeddings.js";
import { CandleEmbedError } from "../errors.js";

/** One vector and what is known of its text. */
export interface Row {
  readonly vector: OutputVector;
  readonly tokens: number;
  readonly truncated: boolean;
}

/** Where rows are kept by the hash of their text. */
export interface RowStore {
  get(key: string): Row | undefined;
  set(rows: ReadonlyMap<string, Row>): void;
}

type Rows = ReadonlyMap<string, Row>;

const noRows: Rows = new Map();

export type EmbedTexts = (texts: readonly string[]) => Promise<Embeddings<OutputVector>>;

/**
 * Embeds a text that comes again only once, as far as the stores remember it. The result is that of embedding all: a
 * text's vector does not depend on what it is embedded with.
 */
export class Reuse {
  readonly #embed: EmbedTexts;
  readonly #noTexts: Embeddings<OutputVector>;
  /** The quick ones first: what a later one has, those before it learn. */
  readonly #stores: readonly RowStore[];
  /** Texts that a call under way is embedding. */
  readonly #pending = new Map<string, Promise<Rows>>();
  #embedded = 0;

  /** @param noTexts The answer to no texts, which says what vectors are. */
  constructor(embed: EmbedTexts, noTexts: Embeddings<OutputVector>, stores: readonly RowStore[]) {
    this.#embed = embed;
    this.#noTexts = noTexts;
    this.#stores = stores;
  }

  /** Texts so far that had to be embedded. */
  get embedded(): number {
    return this.#embedded;
  }

  async embed(texts: readonly string[]): Promise<Embeddings<OutputVector>> {
    const places = new Map<string, number>();
    const keys = texts.map(hashText);
    for (const [i, key] of keys.entries()) if (!places.has(key)) places.set(key, i);
    const rows = new Map<string, Row>();
    // A second round where a call that was waited for failed: that failure is of a text of its own batch.
    while (places.size > 0) {
      const round = [...places].map(([key, place]) => this.#find(key) ?? this.#pending.get(key) ?? place);
      const fresh = [...places].filter((_, i) => typeof round[i] === "number");
      // Begun before anything is waited for, so that a batch that begins meanwhile finds it.
      const call = this.#embedFresh(texts, fresh);
      const done = await call;
      for (const [i, key] of [...places.keys()].entries()) {
        const found = round[i];
        const row =
          found instanceof Promise
            ? (await found.catch(() => noRows)).get(key)
            : typeof found === "number"
              ? done.get(key)
              : found;
        if (row === undefined) continue;
        rows.set(key, row);
        places.delete(key);
      }
    }
    return this.#assemble(keys.map((key) => rows.get(key) as Row));
  }

  #find(key: string): Row | undefined {
    for (const [i, store] of this.#stores.entries()) {
      const row = store.get(key);
      if (row === undefined) continue;
      for (const quicker of this.#stores.slice(0, i)) quicker.set(new Map([[key, row]]));
      return row;
    }
    return undefined;
  }

  async #embedFresh(texts: readonly string[], fresh: readonly (readonly [string, number])[]): Promise<Rows> {
    if (fresh.length === 0) return noRows;
    const call = this.#callBackend(texts, fresh);
    for (const [key] of fresh) this.#pending.set(key, call);
    try {
      const rows = await call;
      for (const store of this.#stores) store.set(rows);
      this.#embedded += rows.size;
      return rows;
    } finally {
      for (const [key] of fresh) this.#pending.delete(key);
    }
  }

  async #callBackend(texts: readonly string[], fresh: readonly (readonly [string, number])[]): Promise<Rows> {
    try {
      const embeddings = await this.#embed(fresh.map(([, place]) => texts[place] as string));
      return toRows(
        fresh.map(([key]) => key),
        embeddings,
      );
    } catch (error) {
      throw withIndex(
        error,
        fresh.map(([, place]) => place),
      );
    }
  }

  #assemble(rows: readonly Row[]): Embeddings<OutputVector> {
    const { dimensions, backend, outputType } = this.#noTexts;
    const length = rowLength(this.#noTexts);
    const data = newVector(outputType, rows.length * length);
    for (const [i, { vector }] of rows.entries()) data.set(vector, i * length);
    return new Embeddings({
      data,
      dimensions,
      tokens: Uint32Array.from(rows, ({ tokens }) => tokens),
      truncated: rows.flatMap(({ truncated }, i) => (truncated ? [i] : [])),
      backend,
      outputType,
    });
  }
}

function hashText(text: string): string {
  return createHash("sha256").update(text).digest("base64").slice(0, 22);
}

/** Rows of their own: views would keep the whole batch in memory for as long as one of them is remembered. */
function toRows(keys: readonly string[], embeddings: Embeddings<OutputVector>): Rows {
  const truncated = new Set(embeddings.truncated);
  return new Map(
    keys.map((key, i) => [
      key,
      {
        vector: embeddings.at(i).slice(),
        tokens: embeddings.tokens[i] as number,
        truncated: truncated.has(i),
      },
    ]),
  );
}

/** Numbers in a row; eight dimensions of the binary types share one. */
export function rowLength({ dimensions, outputType }: Embeddings<OutputVector>): number {
  return outputType === "binary" || outputType === "ubinary" ? dimensions / 8 : dimensions;
}

/** An array for numbers of this type. */
export function newVector(outputType: OutputType, length: number): OutputVector {
  if (outputType === "float32") return new Float32Array(length);
  return outputType === "int8" || outputType === "binary" ? new Int8Array(length) : new Uint8Array(length);
}

/** The backend counts among the texts it was given, the caller among its own. */
function withIndex(error: unknown, places: readonly number[]): unknown {
  if (!CandleEmbedError.isInstance(error) || error.index === undefined) return error;
  const { code, message, tokens, limit } = error;
  return new CandleEmbedError(code, message, { cause: error, index: places[error.index], tokens, limit });
}

import { mkdir, stat } from "node:fs/promises";

import type { Connection, Table } from "@lancedb/lancedb";

import type { EmbeddingBackend } from "../embedding-backend.js";
import { CandleEmbedError } from "../errors.js";
import { loadLanceDb, type LanceDb } from "./load-lancedb.js";
import type { Passage } from "./passage.js";
import type { FoundPassage } from "./search-documents.js";

/** What an index was made with, kept in the schema of its table. */
export interface IndexDescription {
  /** What was loaded: a name, a hub id or a folder; absent for the model that is installed, and for an API. */
  readonly model?: string | undefined;
  readonly modelId: string;
  readonly spaceId: string;
  readonly dimensions: number;
  /** Most tokens of a passage. */
  readonly tokens: number;
}

/** A passage as it is stored. */
export interface IndexedPassage extends Passage {
  /** Hash of its document, which says whether that has changed. */
  readonly document: string;
  /** Hash of what was embedded: the same text need not be embedded again, wherever it is. */
  readonly key: string;
  readonly vector: Float32Array;
}

/** What an index holds, without texts and vectors. */
export interface IndexContents {
  /** The hashes of each document by its name: more than one where an update was interrupted. */
  readonly documents: ReadonlyMap<string, ReadonlySet<string>>;
  readonly keys: ReadonlySet<string>;
  readonly passages: number;
}

const tableName = "passages";
const metadataKey = "candle-embed";
const columns = ["name", "start", "end", "line", "heading", "text"];

/** How many names or keys a filter has at most. */
const filterSize = 500;

/** Passages with their vectors in a folder, kept by LanceDB. Every change is one commit: a killed run leaves a whole index. */
export class PassageIndex {
  readonly description: IndexDescription;
  readonly #database: Connection;
  readonly #table: Table;

  private constructor(database: Connection, table: Table, description: IndexDescription) {
    this.#database = database;
    this.#table = table;
    this.description = description;
  }

  /** The index in this folder; `undefined` where there is none. */
  static async open(folder: string): Promise<PassageIndex | undefined> {
    const there = await stat(folder).catch(() => undefined);
    if (there === undefined) return undefined;
    if (!there.isDirectory()) throw notAnIndex(folder);
    const { lance } = await loadLanceDb();
    const database = await lance.connect(folder);
    if (!(await database.tableNames()).includes(tableName)) {
      database.close();
      return undefined;
    }
    const table = await database.openTable(tableName);
    const metadata = (await table.schema()).metadata.get(metadataKey);
    if (metadata === undefined) throw notAnIndex(folder);
    return new PassageIndex(database, table, JSON.parse(metadata) as IndexDescription);
  }

  /** Makes an empty index. */
  static async create(folder: string, description: IndexDescription): Promise<PassageIndex> {
    const lanceDb = await loadLanceDb();
    await mkdir(folder, { recursive: true });
    const database = await lanceDb.lance.connect(folder);
    const table = await database.createEmptyTable(tableName, schemaOf(lanceDb, description) as never);
    return new PassageIndex(database, table, description);
  }

  /** @throws CandleEmbedError `SPACE_MISMATCH` unless the vectors of `backend` can be compared with those of the index. */
  checkSpace({ modelId, space, dimensions }: EmbeddingBackend): void {
    const own = this.description;
    if (space.id === own.spaceId && dimensions === own.dimensions) return;
    throw new CandleEmbedError(
      "SPACE_MISMATCH",
      `the index was made with ${own.modelId}, whose vectors cannot be compared with those of ${modelId}: name that ` +
        "model, or make a new index",
    );
  }

  async contents(): Promise<IndexContents> {
    const documents = new Map<string, Set<string>>();
    const keys = new Set<string>();
    let passages = 0;
    for await (const batch of this.#table.query().select(["name", "document", "key"])) {
      const [names, hashes, keyColumn] = ["name", "document", "key"].map((each) => batch.getChild(each));
      for (let row = 0; row < batch.numRows; row++) {
        const name = names?.get(row) as string;
        const hash = hashes?.get(row) as string;
        const known = documents.get(name);
        if (known === undefined) documents.set(name, new Set([hash]));
        else known.add(hash);
        keys.add(keyColumn?.get(row) as string);
        passages++;
      }
    }
    return { documents, keys, passages };
  }

  /** The vectors of these keys, of those that are there. */
  async vectors(keys: readonly string[]): Promise<Map<string, Float32Array>> {
    const found = new Map<string, Float32Array>();
    for (let at = 0; at < keys.length; at += filterSize) {
      const query = this.#table.query().where(isIn("key", keys.slice(at, at + filterSize)));
      for (const row of (await query.select(["key", "vector"]).toArray()) as Record<string, unknown>[]) {
        found.set(row["key"] as string, Float32Array.from(row["vector"] as Iterable<number>));
      }
    }
    return found;
  }

  async add(passages: readonly IndexedPassage[]): Promise<void> {
    if (passages.length === 0) return;
    await this.#table.add(passages.map((each) => ({ ...each, vector: Array.from(each.vector) })));
  }

  /** Removes documents, but for passages of the version `except`. */
  async remove(names: readonly string[], except?: string): Promise<void> {
    for (let at = 0; at < names.length; at += filterSize) {
      const which = isIn("name", names.slice(at, at + filterSize));
      await this.#table.delete(except === undefined ? which : `${which} AND document != ${quoted(except)}`);
    }
  }

  /** The nearest passages by cosine, found by looking at all of them. */
  async search(vector: Float32Array, count: number): Promise<FoundPassage[]> {
    const query = this.#table.query().nearestTo(vector).distanceType("cosine").limit(count);
    const rows = (await query.select([...columns, "_distance"]).toArray()) as Record<string, unknown>[];
    return rows.map((row) => ({
      score: 1 - Number(row["_distance"]),
      name: String(row["name"]),
      start: Number(row["start"]),
      end: Number(row["end"]),
      line: Number(row["line"]),
      heading: String(row["heading"]),
      text: String(row["text"]),
    }));
  }

  /** Joins small files and drops what earlier versions left. */
  async compact(): Promise<void> {
    await this.#table.optimize({ cleanupOlderThan: new Date() });
  }

  close(): void {
    this.#table.close();
    this.#database.close();
  }
}

function schemaOf({ arrow }: LanceDb, description: IndexDescription): unknown {
  const { Field, FixedSizeList, Float32, Int32, Schema, Utf8 } = arrow;
  const text = (name: string): InstanceType<typeof Field> => new Field(name, new Utf8(), false);
  const number = (name: string): InstanceType<typeof Field> => new Field(name, new Int32(), false);
  const component = new Field("item", new Float32(), true);
  return new Schema(
    [
      ...["name", "document", "key", "heading", "text"].map(text),
      ...["start", "end", "line"].map(number),
      new Field("vector", new FixedSizeList(description.dimensions, component), false),
    ],
    new Map([[metadataKey, JSON.stringify(description)]]),
  );
}

function isIn(column: string, values: readonly string[]): string {
  return `${column} IN (${values.map(quoted).join(", ")})`;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function notAnIndex(folder: string): CandleEmbedError {
  return new CandleEmbedError(
    "INVALID_INPUT",
    `${folder} is no index of candle-embed: "candle-embed index" makes one`,
  );
}

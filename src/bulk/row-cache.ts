import { createHash } from "node:crypto";
import type * as Sqlite from "node:sqlite";
import type { DatabaseSync, StatementSync } from "node:sqlite";

import type { Embeddings } from "../embeddings.js";
import type { OutputVector } from "../embedding-backend.js";
import { CandleEmbedError } from "../errors.js";
import { newVector, rowLength, type Row, type RowStore } from "./reuse.js";

/** Written into the file's header, so that no other SQLite database is taken for a cache ("cemb"). */
const applicationId = 0x63656d62;

/** Another process that writes is waited for. */
const busyMs = 30_000;

interface StoredRow {
  readonly vector: Uint8Array;
  readonly tokens: number;
  readonly truncated: number;
}

/**
 * Rows in a SQLite file, for runs to come. The key holds all that decides a vector's bits: the space, the numbers computed
 * with, the options and the text; so that one file serves many models, and several processes at a time.
 */
export class RowCache implements RowStore {
  readonly #database: DatabaseSync;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #prefix: string;
  readonly #noTexts: Embeddings<OutputVector>;

  private constructor(database: DatabaseSync, prefix: string, noTexts: Embeddings<OutputVector>) {
    this.#database = database;
    this.#select = database.prepare("SELECT vector, tokens, truncated FROM vectors WHERE key = ?");
    this.#insert = database.prepare(
      "INSERT OR IGNORE INTO vectors (key, vector, tokens, truncated) VALUES (?, ?, ?, ?)",
    );
    this.#prefix = prefix;
    this.#noTexts = noTexts;
  }

  /**
   * @param prefix What decides the vectors beside the text.
   * @param noTexts The answer to no texts, which says what the vectors are.
   * @throws CandleEmbedError `INVALID_INPUT` for a file that is no cache, and where Node has no `node:sqlite`.
   */
  static async open(file: string, prefix: string, noTexts: Embeddings<OutputVector>): Promise<RowCache> {
    const { DatabaseSync } = await loadSqlite();
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(file);
      prepare(database);
      return new RowCache(database, prefix, noTexts);
    } catch (cause) {
      database?.close();
      throw new CandleEmbedError("INVALID_INPUT", `${file} cannot be used as a cache: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  get(key: string): Row | undefined {
    const stored = this.#select.get(this.#key(key)) as StoredRow | undefined;
    if (stored === undefined) return undefined;
    const vector = newVector(this.#noTexts.outputType, rowLength(this.#noTexts));
    if (stored.vector.byteLength !== vector.byteLength) return undefined;
    new Uint8Array(vector.buffer).set(stored.vector);
    return { vector, tokens: stored.tokens, truncated: stored.truncated === 1 };
  }

  set(rows: ReadonlyMap<string, Row>): void {
    if (rows.size === 0) return;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const [key, { vector, tokens, truncated }] of rows) {
        const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
        this.#insert.run(this.#key(key), bytes, tokens, truncated ? 1 : 0);
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }

  #key(textKey: string): Uint8Array {
    return createHash("sha256").update(this.#prefix).update("\0").update(textKey).digest().subarray(0, 16);
  }
}

function prepare(database: DatabaseSync): void {
  database.exec(`PRAGMA busy_timeout = ${String(busyMs)}`);
  const tables = database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as { tables: number };
  const { application_id: id } = database.prepare("PRAGMA application_id").get() as {
    application_id: number;
  };
  if (tables.tables > 0 && id !== applicationId) throw new Error("it is a database of something else");
  // A cache may lose its last moments in a power cut, not its integrity.
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA application_id = ${String(applicationId)};
    CREATE TABLE IF NOT EXISTS vectors (
      key BLOB PRIMARY KEY, vector BLOB NOT NULL, tokens INTEGER NOT NULL, truncated INTEGER NOT NULL
    ) WITHOUT ROWID`);
}

async function loadSqlite(): Promise<typeof Sqlite> {
  try {
    return await import("node:sqlite");
  } catch (cause) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `--cache needs the SQLite of Node 22.13 or later; this is Node ${process.versions.node}`,
      { cause },
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

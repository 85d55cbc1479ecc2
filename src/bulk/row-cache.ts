import { createHash } from "node:crypto";
import type * as Sqlite from "node:sqlite";
import type { DatabaseSync, StatementSync } from "node:sqlite";

import type { Embeddings } from "../embeddings.js";
import type { OutputVector } from "../embedding-backend.js";
import { CandleEmbedError } from "../errors.js";
import { newVector, rowLength, type Row, type RowStore } from "./reuse.js";
import { messageOf } from "../utils/message-of.js";

/** Written into the file's header, so that no other SQLite database is taken for a cache ("cemb"). */
const applicationId = 0x63656d62;

/** Another process that writes is waited for. */
const busyMs = 30_000;

interface StoredRow {
  readonly vector: Uint8Array;
  readonly tokens: number;
  readonly truncated: number;
  readonly sum: Uint8Array;
}

/** SQLite's code for a page that cannot be one. */
const corrupt = 11;

/**
 * Rows in a SQLite file, for runs to come. The key holds all that decides a vector's bits: the space, the numbers computed
 * with, the options and the text; so that one file serves many models, and several processes at a time. SQLite checks no
 * bytes: each row has a hash, so that what a disk lost is told and does not come out as a vector.
 */
export class RowCache implements RowStore {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #prefix: string;
  readonly #noTexts: Embeddings<OutputVector>;

  private constructor(
    file: string,
    database: DatabaseSync,
    prefix: string,
    noTexts: Embeddings<OutputVector>,
  ) {
    this.#file = file;
    this.#database = database;
    this.#select = database.prepare("SELECT vector, tokens, truncated, sum FROM rows WHERE key = ?");
    this.#insert = database.prepare(
      "INSERT OR IGNORE INTO rows (key, vector, tokens, truncated, sum) VALUES (?, ?, ?, ?, ?)",
    );
    this.#prefix = prefix;
    this.#noTexts = noTexts;
  }

  /**
   * @param prefix What decides the vectors beside the text.
   * @param noTexts The answer to no texts, which says what the vectors are.
   * @throws CandleEmbedError `INVALID_INPUT` for a file that is no cache, and where Node has no `node:sqlite`; here and
   *   later `CHECKSUM_MISMATCH` for one that is damaged.
   */
  static async open(file: string, prefix: string, noTexts: Embeddings<OutputVector>): Promise<RowCache> {
    const { DatabaseSync } = await loadSqlite();
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(file);
      prepare(database);
      return new RowCache(file, database, prefix, noTexts);
    } catch (cause) {
      database?.close();
      throw unusable(file, cause);
    }
  }

  get(textKey: string): Row | undefined {
    const key = this.#key(textKey);
    let stored: StoredRow | undefined;
    try {
      stored = this.#select.get(key) as StoredRow | undefined;
    } catch (cause) {
      throw unusable(this.#file, cause);
    }
    if (stored === undefined) return undefined;
    const { tokens, truncated } = stored;
    const vector = newVector(this.#noTexts.outputType, rowLength(this.#noTexts));
    if (stored.vector.byteLength !== vector.byteLength || !sumOf(key, stored).equals(stored.sum)) {
      throw damaged(this.#file, "a row is not what was written");
    }
    new Uint8Array(vector.buffer).set(stored.vector);
    return { vector, tokens, truncated: truncated === 1 };
  }

  set(rows: ReadonlyMap<string, Row>): void {
    if (rows.size === 0) return;
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      for (const [textKey, row] of rows) {
        const key = this.#key(textKey);
        const { buffer, byteOffset, byteLength } = row.vector;
        const vector = new Uint8Array(buffer, byteOffset, byteLength);
        const [tokens, truncated] = [row.tokens, row.truncated ? 1 : 0];
        this.#insert.run(key, vector, tokens, truncated, sumOf(key, { vector, tokens, truncated }));
      }
      this.#database.exec("COMMIT");
    } catch (cause) {
      this.#rollBack();
      throw unusable(this.#file, cause);
    }
  }

  /** A full or broken disk has ended the transaction already. */
  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // what failed before says why
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
    CREATE TABLE IF NOT EXISTS rows (
      key BLOB PRIMARY KEY, vector BLOB NOT NULL, tokens INTEGER NOT NULL, truncated INTEGER NOT NULL, sum BLOB NOT NULL
    ) WITHOUT ROWID`);
}

/** SHA-256 (a quarter of it) of a row and the key it is found under. */
function sumOf(key: Uint8Array, { vector, tokens, truncated }: Omit<StoredRow, "sum">): Buffer {
  const numbers = JSON.stringify([tokens, truncated]);
  return createHash("sha256").update(key).update(vector).update(numbers).digest().subarray(0, 8);
}

function unusable(file: string, cause: unknown): CandleEmbedError {
  const { errcode } = cause as { errcode?: number };
  // Extended codes have their kind in the last byte.
  if (errcode !== undefined && (errcode & 0xff) === corrupt) return damaged(file, messageOf(cause), cause);
  const message = `${file} cannot be used as a cache: ${messageOf(cause)}`;
  return new CandleEmbedError("INVALID_INPUT", message, { cause });
}

function damaged(file: string, reason: string, cause?: unknown): CandleEmbedError {
  const message = `the cache ${file} is damaged (${reason}): remove it, and run the command again to make a new one`;
  return new CandleEmbedError("CHECKSUM_MISMATCH", message, { cause });
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

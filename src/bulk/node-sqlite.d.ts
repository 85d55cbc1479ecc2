/** What is used of Node's SQLite: the types of Node 20, which the package still runs on, do not have it. */
declare module "node:sqlite" {
  export type SqliteValue = string | number | Uint8Array | null;

  export class StatementSync {
    get(...values: readonly SqliteValue[]): Record<string, SqliteValue> | undefined;
    run(...values: readonly SqliteValue[]): unknown;
  }

  export class DatabaseSync {
    constructor(file: string);
    exec(sql: string): void;
    prepare(sql: string): StatementSync;
    close(): void;
  }
}

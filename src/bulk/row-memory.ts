import type { Row, RowStore } from "./reuse.js";

/** Of vectors; a row of all-MiniLM-L6-v2 takes 1.7 kB with all that is around it. */
const defaultBytes = 64 * 1024 * 1024;

/** What a row takes beside its numbers: the objects, its key, its place in the map (measured: about 250 bytes). */
const rowOverhead = 250;

/** The rows used last, as many as fit into so many bytes. */
export class RowMemory implements RowStore {
  readonly #rows = new Map<string, Row>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = defaultBytes) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): Row | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    // A Map keeps the order of insertion: the first is the one that has not been used for longest.
    this.#rows.delete(key);
    this.#rows.set(key, row);
    return row;
  }

  set(rows: ReadonlyMap<string, Row>): void {
    for (const [key, row] of rows) {
      if (!this.#rows.has(key)) this.#bytes += size(row);
      this.#rows.set(key, row);
    }
    for (const [key, row] of this.#rows) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#rows.delete(key);
      this.#bytes -= size(row);
    }
  }
}

function size({ vector }: Row): number {
  return vector.byteLength + rowOverhead;
}

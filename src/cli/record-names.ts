/** Parts of the count: one `Map` takes 16 million entries, and files have more lines. */
const parts = 16;

/**
 * Tells the records of one file apart. Several lines may have one id, as the chunks of a document do, and `1` and `"1"`
 * read the same: the second is called `1#2`. An id that ends like such a number gets one too, so that {@link idOf} knows.
 */
export class RecordNames {
  readonly #parts = new Map<number, Map<string, number>>();

  /** @param id Or, of a line without one, its position. */
  nameOf(id: string | number): string {
    const text = String(id);
    const seen = this.#partOf(text);
    const number = (seen.get(text) ?? 0) + 1;
    seen.set(text, number);
    return number === 1 && !numbered.test(text) ? text : `${text}#${String(number)}`;
  }

  #partOf(text: string): Map<string, number> {
    const key = text === "" ? 0 : text.charCodeAt(text.length - 1) % parts;
    const part = this.#parts.get(key) ?? new Map<string, number>();
    this.#parts.set(key, part);
    return part;
  }
}

const numbered = /#\d+$/;

/** The id in a name that {@link RecordNames} gave. */
export function idOf(name: string): string {
  return name.replace(numbered, "");
}

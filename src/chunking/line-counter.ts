/** Lines of positions in a text that come in ascending order. */
export class LineCounter {
  readonly #text: string;
  readonly #lineEnd = /\r\n|\n|\r/g;
  #line = 1;
  /** Where the next line begins. */
  #next: number;

  constructor(text: string) {
    this.#text = text;
    this.#next = this.#find();
  }

  /** The line that `position` is in, counted from 1. */
  at(position: number): number {
    while (position >= this.#next) {
      this.#line++;
      this.#next = this.#find();
    }
    return this.#line;
  }

  #find(): number {
    return this.#lineEnd.test(this.#text) ? this.#lineEnd.lastIndex : Infinity;
  }
}

import { findPrompt } from "../backends/api/api-space.js";
import type { ChunkOptions } from "./chunk-options.js";
import type { Tokenizer } from "./tokenizer.js";
import { withHeading } from "./with-heading.js";

/** A piece of text, the heading that is counted with it, and the tokens of both. */
export interface CountedText {
  readonly text: string;
  readonly heading: string;
  readonly tokens: number;
}

/** Counts what the model reads of a chunk: special tokens, prompt, headings where they are embedded, and the text. */
export class TokenCounter {
  readonly #tokenizer: Tokenizer;
  readonly #signal: AbortSignal | undefined;
  readonly #prompt: string;
  readonly #withHeadings: boolean;
  /** Most tokens of what stands around a text. */
  readonly #mostAround: number;
  /** The last heading that was asked for: that of all chunks of a section. */
  #last: { readonly whole: string; readonly cut: CountedText } | undefined;

  constructor(tokenizer: Tokenizer, limit: number, options: ChunkOptions) {
    const { inputType = "document", promptName, prompt, withHeadings = false, signal } = options;
    this.#tokenizer = tokenizer;
    this.#signal = signal;
    this.#prompt = findPrompt(tokenizer.space.prompts, { inputType, promptName, prompt });
    this.#withHeadings = withHeadings;
    this.#mostAround = limit / 2;
  }

  /** Tokens of a chunk below this heading beside its text. */
  async around(heading: string): Promise<number> {
    return (await this.#cut(heading)).tokens;
  }

  /** All tokens of these chunks. */
  async count(chunks: readonly { text: string; heading: string }[]): Promise<CountedText[]> {
    const texts = [];
    for (const { text, heading } of chunks) {
      texts.push({ text, heading: this.#withHeadings ? (await this.#cut(heading)).heading : heading });
    }
    const counts = await this.#counts(
      texts.map((each) => (this.#withHeadings ? withHeading(each) : each.text)),
    );
    return texts.map((each, index) => ({ ...each, tokens: counts[index] as number }));
  }

  /** Titles that would leave less than half of a chunk to its text are left out, the outermost first. */
  async #cut(whole: string): Promise<CountedText> {
    const heading = this.#withHeadings ? whole : "";
    if (this.#last?.whole === heading) return this.#last.cut;
    const titles = heading.split(separator);
    const paths = titles.map((_, index) => titles.slice(index).join(separator));
    const candidates = heading === "" ? [""] : [...paths, ""];
    const counts = await this.#counts(candidates.map((path) => withHeading({ heading: path, text: "" })));
    const found = counts.findIndex((tokens) => tokens <= this.#mostAround);
    const index = found === -1 ? candidates.length - 1 : found;
    const cut = { text: "", heading: candidates[index] as string, tokens: counts[index] as number };
    this.#last = { whole: heading, cut };
    return cut;
  }

  async #counts(texts: readonly string[]): Promise<number[]> {
    const tokenized = await this.#tokenizer.tokenize(
      texts.map((text) => this.#prompt + text),
      { specialTokens: true, signal: this.#signal },
    );
    return tokenized.map(({ ids }) => ids.length);
  }
}

const separator = " > ";

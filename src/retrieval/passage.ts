import { chunkText, type Chunk } from "../chunking/chunk-text.js";
import type { DocumentFormat } from "../chunking/blocks.js";
import type { Tokenizer } from "../chunking/tokenizer.js";
import { withHeading } from "../chunking/with-heading.js";

/** A text to be searched. */
export interface NamedDocument {
  /** What it is called in an index and in answers: a file, or a file and the id of a record in it. */
  readonly name: string;
  readonly text: string;
  readonly format: DocumentFormat;
}

/** What a search finds: a chunk of a document. */
export interface Passage extends Omit<Chunk, "tokens"> {
  readonly name: string;
}

/** Passages are shorter than what models read: the vector of a few paragraphs says what each of them is about. */
export const defaultPassageTokens = 128;

/** The passages of a document; each leaves room for the headings above it. */
export async function* toPassages(
  { name, text, format }: NamedDocument,
  tokenizer: Tokenizer,
  tokens: number,
  signal: AbortSignal,
): AsyncGenerator<Passage, void, undefined> {
  for await (const chunk of chunkText(tokenizer, text, { tokens, format, withHeadings: true, signal })) {
    const { start, end, line, heading } = chunk;
    yield { name, start, end, line, heading, text: chunk.text };
  }
}

/** What is embedded of a passage: short ones mean little without the headings above them. */
export const passageInput = withHeading;

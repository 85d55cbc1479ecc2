import { isBad, type BadLine, type InputText, type Position } from "./record.js";
import type { Source } from "./sources/source.js";

/** What is embedded in one call and made durable in one go. */
export interface Batch {
  readonly texts: readonly InputText[];
  readonly bad: readonly BadLine[];
  /** Where the next batch begins. */
  readonly after: Position;
}

/** More would be repeated after a crash, fewer would cost the engine its choice of texts of like length. */
const maxCharacters = 1_000_000;

/** Makes several texts of one, each with its `chunk`. */
export type SplitText = (text: InputText) => AsyncIterable<InputText>;

/** Cuts a source into batches, which depend on nothing but where it is read from. The chunks of a text stay together. */
export async function* cutBatches(
  source: Source,
  from: Position | undefined,
  maxTexts: number,
  split: SplitText | undefined,
): AsyncGenerator<Batch, void, undefined> {
  let texts: InputText[] = [];
  let bad: BadLine[] = [];
  let characters = 0;
  let end: Position | undefined;
  for await (const entries of source.read(from)) {
    for (const { content, after } of entries) {
      if (isBad(content)) bad.push(content);
      else {
        characters += content.text.length;
        if (split === undefined) texts.push(content);
        else for await (const chunk of split(content)) texts.push(chunk);
      }
      end = after;
      if (texts.length + bad.length < maxTexts && characters < maxCharacters) continue;
      yield { texts, bad, after };
      [texts, bad, characters, end] = [[], [], 0, undefined];
    }
  }
  if (end !== undefined) yield { texts, bad, after: end };
}

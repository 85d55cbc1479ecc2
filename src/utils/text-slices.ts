/** Copying this much into the addon takes about a millisecond of the event loop; more waits for its next turn. */
const sliceTexts = 2_000;
const sliceCharacters = 1_000_000;

/** Where the slice of `texts` that begins at `start` ends: it holds at least one text. */
export function sliceEnd(texts: readonly string[], start: number): number {
  let characters = 0;
  let end = start;
  while (end < texts.length && end - start < sliceTexts) {
    characters += (texts[end] as string).length;
    if (end > start && characters > sliceCharacters) break;
    end++;
  }
  return end;
}

/** Gathers items into arrays of at most `maxItems` items and about `maxCharacters` of text. */
export async function* inBatches<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  textOf: (item: Item) => string,
  { maxItems = 1_024, maxCharacters = 4_000_000 } = {},
): AsyncGenerator<Item[], void, undefined> {
  let batch: Item[] = [];
  let characters = 0;
  for await (const item of items) {
    batch.push(item);
    characters += textOf(item).length;
    if (batch.length >= maxItems || characters >= maxCharacters) {
      yield batch;
      batch = [];
      characters = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

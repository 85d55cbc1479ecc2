import { expect, it } from "vitest";

import { inBatches } from "../../src/utils/in-batches.js";
import { maxLineBytes, splitRawLines, type RawLine } from "../../src/utils/raw-lines.js";

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) {
    await Promise.resolve();
    yield bytes.subarray(i, i + size);
  }
}

async function linesOf(chunks: AsyncIterable<Uint8Array>, offset?: number): Promise<RawLine[]> {
  return (await collect(splitRawLines(chunks, offset))).flat();
}

it.each([1, 2, 3, 5, 100])("splits lines that arrive in chunks of %i bytes", async (size) => {
  const bytes = Buffer.from("one\r\n\ntwo \u2028 three\n\u{1F600}é\nlast");
  const lines = await linesOf(chunksOf(bytes, size));
  expect(lines.map((line) => line.bytes?.toString())).toEqual([
    "one",
    "",
    "two \u2028 three",
    "\u{1F600}é",
    "last",
  ]);
  for (const line of lines) {
    const [again] = await linesOf(chunksOf(bytes.subarray(line.start), size), line.start);
    expect(again).toEqual(line);
  }
  expect(lines.at(-1)?.end).toBe(bytes.length);
});

it("opens no line after the last line end", async () => {
  expect(await linesOf(chunksOf(Buffer.from("a\n"), 9))).toMatchObject([{ start: 0, end: 2 }]);
  expect(await linesOf(chunksOf(Buffer.from([]), 9))).toEqual([]);
});

it("skips a line that is too long, and goes on behind it", async () => {
  const long = Buffer.alloc(maxLineBytes + 1, "x");
  const lines = await linesOf(chunksOf(Buffer.concat([long, Buffer.from("\nshort\n"), long]), 65_536));
  expect(lines.map(({ bytes }) => bytes?.toString())).toEqual([undefined, "short", undefined]);
});

it("gathers batches by number and by size", async () => {
  const text = (item: string): string => item;
  expect(await collect(inBatches(["a", "b", "c"], text, { maxItems: 2 }))).toEqual([["a", "b"], ["c"]]);
  expect(await collect(inBatches(["aaa", "b", "c"], text, { maxCharacters: 3 }))).toEqual([
    ["aaa"],
    ["b", "c"],
  ]);
  expect(await collect(inBatches([], text))).toEqual([]);
});

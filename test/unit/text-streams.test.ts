import { expect, it } from "vitest";

import { float32ToJson, joinNumbers } from "../../src/utils/float32-to-json.js";
import { inBatches } from "../../src/utils/in-batches.js";
import { splitLines } from "../../src/utils/split-lines.js";

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

it.each([1, 2, 3, 5, 100])("splits lines that arrive in chunks of %i bytes", async (size) => {
  const bytes = Buffer.from("\uFEFFone\r\n\ntwo \u2028 three\n\u{1F600}é\nlast");
  expect(await collect(splitLines(chunksOf(bytes, size)))).toEqual([
    "one",
    "",
    "two \u2028 three",
    "\u{1F600}é",
    "last",
  ]);
});

it("opens no line after the last line end, and replaces invalid bytes", async () => {
  expect(await collect(splitLines(chunksOf(Buffer.from("a\n"), 9)))).toEqual(["a"]);
  expect(await collect(splitLines(chunksOf(Buffer.from([]), 9)))).toEqual([]);
  expect(await collect(splitLines(chunksOf(Buffer.from([0x61, 0xff, 0x0a]), 9)))).toEqual(["a\uFFFD"]);
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

it("prints float32 numbers that read back as the same float32", () => {
  const random = Float32Array.from(
    { length: 20_000 },
    (_, i) => Math.sin(i * 12.9898) * 10 ** ((i % 60) - 45),
  );
  const special = Float32Array.of(0, 1, -1, 0.1, 1 / 3, 16_777_217, 1.17549435e-38, 1e-45, 3.4028235e38);
  for (const value of [...random, ...special]) {
    const text = float32ToJson(value);
    expect(Math.fround(JSON.parse(text) as number)).toBe(value);
  }
  expect(float32ToJson(Math.fround(0.1))).toBe("0.1");
  expect(joinNumbers(Float32Array.of(0.25, -0.1), ",")).toBe("0.25,-0.1");
  expect(joinNumbers(Int8Array.of(-128, 127), " ")).toBe("-128 127");
});

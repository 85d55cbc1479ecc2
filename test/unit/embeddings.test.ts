import { expect, it } from "vitest";

import { Embeddings } from "../../src/index.js";

const embeddings = new Embeddings({
  data: Float32Array.from([1, 2, 3, 4, 5, 6]),
  dimensions: 3,
  tokens: Uint32Array.from([4, 5]),
  truncated: [1],
  backend: "native",
});

it("gives rows as views into the data", () => {
  const row = embeddings.at(1);
  expect(Array.from(row)).toEqual([4, 5, 6]);
  expect(row.buffer).toBe(embeddings.data.buffer);
});

it("iterates and copies in order", () => {
  expect([...embeddings].map((row) => row[0])).toEqual([1, 4]);
  expect(embeddings.toArrays()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
});

it.each([2, -1, 0.5, NaN])("has no row %s", (index) => {
  expect(() => embeddings.at(index)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }) as Error);
});

it("has rows of dimensions / 8 bytes where bits are packed", () => {
  const packed = new Embeddings({
    data: Uint8Array.from([1, 2, 3, 4]),
    dimensions: 16,
    tokens: new Uint32Array(2),
    truncated: [],
    backend: "native",
    outputType: "ubinary",
  });
  expect(packed.count).toBe(2);
  expect(Array.from(packed.at(1))).toEqual([3, 4]);
});

it("can be empty", () => {
  const empty = new Embeddings({
    data: new Float32Array(0),
    dimensions: 384,
    tokens: new Uint32Array(0),
    truncated: [],
    backend: "native",
  });
  expect([empty.count, empty.dimensions, [...empty], empty.toArrays()]).toEqual([0, 384, [], []]);
});

it("refuses data that is not whole rows", () => {
  const init = {
    data: new Float32Array(5),
    dimensions: 3,
    tokens: new Uint32Array(2),
    truncated: [],
    backend: "x",
  };
  expect(() => new Embeddings(init)).toThrow(/5 numbers are not 2 rows of 3/);
});

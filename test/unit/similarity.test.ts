import { describe, expect, it } from "vitest";

import { cosineSimilarity, dotProduct, Embeddings, topK } from "../../src/index.js";

function withCode(code: string): Error {
  return expect.objectContaining({ code }) as Error;
}

function embeddingsOf(data: readonly number[]): Embeddings {
  const tokens = new Uint32Array(data.length / 2);
  return new Embeddings({
    data: Float32Array.from(data),
    dimensions: 2,
    tokens,
    truncated: [],
    backend: "native",
  });
}

describe("cosineSimilarity and dotProduct", () => {
  it("know same, opposite and unrelated directions", () => {
    expect(cosineSimilarity([3, 4], [6, 8])).toBe(1);
    expect(cosineSimilarity([3, 4], [-3, -4])).toBe(-1);
    expect(cosineSimilarity(Float32Array.of(1, 0), [0, 9])).toBe(0);
    expect(dotProduct([1, 2, 3], Float32Array.of(4, 5, 6))).toBe(32);
  });

  it("stay within -1 and 1 whatever the rounding", () => {
    for (let i = 1; i < 200; i++) {
      const vector = Array.from({ length: i }, (_, j) => Math.sin(i * 31 + j) / 3);
      expect(Math.abs(cosineSimilarity(vector, vector))).toBeLessThanOrEqual(1);
    }
  });

  it.each([1, 1e200, 1e-200, 1e308, 5e-324, 1e150, 1e-150])("know directions of length %d", (length) => {
    const diagonal = [length, length];
    expect(cosineSimilarity(diagonal, [1, 0])).toBeCloseTo(Math.SQRT1_2, 12);
    expect(cosineSimilarity([0, -1], diagonal)).toBeCloseTo(-Math.SQRT1_2, 12);
    expect(cosineSimilarity(diagonal, diagonal)).toBeCloseTo(1, 12);
    expect(cosineSimilarity(diagonal, [length, -length])).toBe(0);
    expect(cosineSimilarity(diagonal, [0, 0])).toBe(0);
    expect(cosineSimilarity([NaN, length], diagonal)).toBeNaN();
  });

  it("give a vector of zeros no similarity", () => {
    expect(cosineSimilarity([0, 0], [1, 2])).toBe(0);
  });

  it("refuse vectors of different lengths", () => {
    expect(() => cosineSimilarity([1], [1, 2])).toThrow(withCode("DIMENSION_MISMATCH"));
    expect(() => dotProduct([1, 2, 3], [1, 2])).toThrow(withCode("DIMENSION_MISMATCH"));
  });

  it.each<[unknown, RegExp]>([
    [embeddingsOf([1, 0]), /not Embeddings: take one of its vectors, \.at\(0\), or embed .* with embedQuery/],
    [Promise.resolve([1, 0]), /not a promise \(await it\)/],
    ["a dog", /not "a dog": embed it first/],
    [[[1, 0]], /not an array that begins with an array/],
    [null, /not null/],
    [undefined, /not undefined/],
    [2, /not 2/],
  ])("say what to pass instead of %o", (wrong, message) => {
    const vector = wrong as number[];
    for (const compare of [cosineSimilarity, dotProduct]) {
      for (const call of [() => compare(vector, [1, 0]), () => compare([1, 0], vector)]) {
        expect(call).toThrow(withCode("INVALID_INPUT"));
        expect(call).toThrow(message);
      }
    }
    expect(() => cosineSimilarity(vector, vector)).toThrow(/^the first vector must be an array of numbers/);
  });
});

describe("topK", () => {
  it("agrees with sorting all of them", () => {
    // Values on a coarse grid, so that there are many ties.
    const vectors = Array.from({ length: 500 }, (_, i) => [
      Math.round(3 * Math.sin(i)),
      Math.round(3 * Math.cos(7 * i)),
      1,
    ]);
    const query = [1, 2, 0.5];
    const sorted = vectors
      .map((vector, index) => ({ index, score: cosineSimilarity(query, vector) }))
      .sort((a, b) => b.score - a.score || a.index - b.index);
    for (const k of [1, 2, 7, 100, 500, 1000]) expect(topK(query, vectors, k)).toEqual(sorted.slice(0, k));
  });

  it("searches Embeddings", () => {
    const embeddings = embeddingsOf([1, 0, 0, 1, 1, 1]);
    expect(topK([0, 1], embeddings, 2).map(({ index }) => index)).toEqual([1, 2]);
  });

  it("puts equal scores in the order of their rows", () => {
    expect(topK([1], [[1], [2], [3], [-1]], 3).map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it("never returns a row with a NaN", () => {
    expect(
      topK(
        [1, 1],
        [
          [NaN, 1],
          [1, 0],
          [1, NaN],
        ],
        3,
      ).map(({ index }) => index),
    ).toEqual([1]);
  });

  it("finds nothing in nothing", () => {
    expect(topK([1], [], 3)).toEqual([]);
  });

  it("refuses what it cannot rank", () => {
    const packed = new Embeddings({
      data: new Int8Array(2),
      dimensions: 16,
      tokens: new Uint32Array(1),
      truncated: [],
      backend: "native",
      outputType: "binary",
    });
    expect(() => topK([1, 2], packed, 1)).toThrow(/binary vectors cannot be ranked by cosine/);
    expect(() => topK([NaN], [[1]], 1)).toThrow(withCode("INVALID_INPUT"));
    expect(() => topK([1], [[1]], 0)).toThrow(withCode("INVALID_INPUT"));
    expect(() => topK([1], [[1]], 1.5)).toThrow(withCode("INVALID_INPUT"));
    expect(() => topK([1], [[1, 2]], 1)).toThrow(withCode("DIMENSION_MISMATCH"));
  });

  it.each<[unknown, unknown, RegExp]>([
    [null, [[1]], /^the query must be an array of numbers, not null/],
    [Promise.resolve([1]), [[1]], /^the query .* not a promise \(await it\)/],
    [[1], undefined, /^the vectors must be Embeddings or an array of vectors, not undefined/],
    [[1], Promise.resolve([[1]]), /^the vectors .* not a promise \(await it\)/],
    [[1], [[1], undefined], /^row 1 must be an array of numbers, not undefined/],
    [[1], [1], /^row 0 must be an array of numbers, not 1/],
  ])("says what is wrong with %o among %o", (query, vectors, message) => {
    const call = (): unknown => topK(query as number[], vectors as number[][], 1);
    expect(call).toThrow(withCode("INVALID_INPUT"));
    expect(call).toThrow(message);
  });
});

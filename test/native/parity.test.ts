import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { cosineSimilarity, NativeBackend } from "candle-embed";
import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import {
  fixtures,
  largestDifference,
  loadForTests,
  readFixtureTexts,
  readJson,
  tinyModelNames,
  underValgrind,
} from "./support.js";

/** What sentence-transformers gave for a tiny model (scripts/make-fixtures.py). */
interface Expected {
  dimensions: number;
  max_tokens: number;
  normalized: boolean;
  pooling: string[];
  texts: string[];
  cases: {
    prompt_name: string | null;
    dimensions: number;
    renormalized: boolean;
    tokens: number[];
    truncated: boolean[];
    vectors: number[][];
  }[];
}

const tolerance = 2e-6;

function indicesOf(flags: readonly boolean[]): number[] {
  return [...flags.keys()].filter((index) => flags[index] === true);
}

describe.each(tinyModelNames())("%s", (name) => {
  const expected = readJson(fixtures, `${name}.expected.json`) as Expected;

  it("gives the vectors, tokens and limits of sentence-transformers", async () => {
    await using backend = await NativeBackend.load(path.join(fixtures, name));
    expect(backend).toMatchObject({
      modelId: name,
      dimensions: expected.dimensions,
      maxTokens: expected.max_tokens,
    });
    expect(backend.space).toMatchObject({
      pooling: expected.pooling.join("+"),
      normalized: expected.normalized,
    });
    for (const { prompt_name, dimensions, renormalized, tokens, truncated, vectors } of expected.cases) {
      // A normalised model's cut vectors are normalised again here; what sentence-transformers does not is no case.
      if (dimensions < expected.dimensions && expected.normalized && !renormalized) continue;
      const result = await backend.embed(expected.texts, {
        dimensions,
        cutWithoutMatryoshka: true,
        ...(prompt_name !== null && { promptName: prompt_name }),
      });
      expect(Array.from(result.tokens)).toEqual(tokens);
      expect(result.truncated).toEqual(indicesOf(truncated));
      for (const [index, vector] of vectors.entries()) {
        // Raw vectors have components above 1, where float32 has fewer digits after the point.
        const scale = Math.max(1, ...vector.map(Math.abs));
        expect(largestDifference(result.at(index), vector), expected.texts[index]).toBeLessThan(
          tolerance * scale,
        );
      }
    }
  });
});

describe("all-MiniLM-L6-v2", async () => {
  const texts = readFixtureTexts();
  const expected = readJson(fixtures, "all-MiniLM-L6-v2.json") as {
    dimensions: number;
    tokens: number[];
    truncated: boolean[];
  };
  const bytes = readFileSync(path.join(fixtures, "all-MiniLM-L6-v2.f32"));
  const vectors = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const row = (index: number): Float32Array =>
    vectors.subarray(index * expected.dimensions, (index + 1) * expected.dimensions);
  const weights = await getTestWeights();

  it("embedded, int8: the same direction as float32 for every kind of text", async () => {
    const backend = await loadForTests();
    const result = await backend.embed(texts.map(({ text }) => text));
    expect(backend.dtype).toBe("int8");
    expect(Array.from(result.tokens)).toEqual(expected.tokens);
    expect(result.truncated).toEqual(indicesOf(expected.truncated));
    const cosines = texts.map((_, index) => cosineSimilarity(result.at(index), row(index)));
    for (const [index, { name }] of texts.entries()) expect(cosines[index], name).toBeGreaterThan(0.996);
  });

  it.skipIf(weights.path === undefined)(
    `float32: the vectors of sentence-transformers to ${String(tolerance)}${weights.reason === undefined ? "" : ` (skipped: ${weights.reason})`}`,
    async () => {
      const backend = await loadForTests(weights.path);
      // Under valgrind the short ones: 256 tokens are twenty minutes there.
      const indices = [...texts.keys()].filter(
        (index) => !underValgrind || Number(expected.tokens[index]) < 20,
      );
      const result = await backend.embed(indices.map((index) => String(texts[index]?.text)));
      expect(Array.from(result.tokens)).toEqual(indices.map((index) => expected.tokens[index]));
      for (const [at, index] of indices.entries()) {
        expect(largestDifference(result.at(at), row(index)), texts[index]?.name).toBeLessThan(tolerance);
      }
    },
  );

  it.skipIf(weights.path === undefined)("float32 and int8 say that they share a space", async () => {
    const float32 = await loadForTests(weights.path);
    const embedded = await loadForTests();
    expect(embedded.space.id).toBe(float32.space.id);
  });
});

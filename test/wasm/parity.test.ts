import path from "node:path";
import { describe, expect, it } from "vitest";

import { cosineSimilarity, NativeBackend } from "candle-embed";
import { WasmBackend } from "@candle-embed/wasm";
import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { fixtures, largestDifference, readFixtureTexts, tinyModelNames } from "../native/support.js";
import { reason } from "./support.js";

/** The vectors of both engines for the same model and texts. */
async function both(
  model: string | undefined,
  texts: readonly string[],
  dtype: "auto" | "int8" = "auto",
): Promise<{ native: NativeBackend; wasm: WasmBackend; rows: [Float32Array, Float32Array][] }> {
  const native = await NativeBackend.load(model, { dtype });
  const wasm = await WasmBackend.load(model, { dtype });
  const expected = await native.embed(texts);
  const got = await wasm.embed(texts);
  expect(got.tokens).toEqual(expected.tokens);
  expect(got.truncated).toEqual(expected.truncated);
  expect(got.backend).toBe("wasm");
  await native.dispose();
  await wasm.dispose();
  return { native, wasm, rows: texts.map((_, index) => [got.at(index), expected.at(index)]) };
}

const texts = readFixtureTexts().map(({ text }) => text);

describe("WebAssembly and the addon", async () => {
  const weights = await getTestWeights();

  it.each(tinyModelNames())("%s: the same vectors, space and description", async (name) => {
    const { native, wasm, rows } = await both(path.join(fixtures, name), texts);
    expect(wasm.space).toEqual(native.space);
    expect(wasm).toMatchObject({
      dtype: native.dtype,
      maxTokens: native.maxTokens,
      threads: 1,
      device: "cpu",
    });
    for (const [got, expected] of rows) {
      // Raw vectors have components above 1, where float32 has fewer digits after the point.
      const scale = Math.max(1, ...expected.map(Math.abs));
      expect(largestDifference(got, expected)).toBeLessThan(1e-5 * scale);
    }
  });

  it("the embedded model, int8: the same space and directions", async () => {
    const { native, wasm, rows } = await both(undefined, texts);
    expect(wasm.dtype).toBe("int8");
    expect(wasm.space).toEqual(native.space);
    for (const [got, expected] of rows) expect(cosineSimilarity(got, expected)).toBeGreaterThan(0.999);
  });

  it("int8 made at load, and vectors that are cut: the same too", async () => {
    const { wasm, rows } = await both(path.join(fixtures, "tiny-modernbert"), texts, "int8");
    expect(wasm.dtype).toBe("int8");
    for (const [got, expected] of rows) expect(cosineSimilarity(got, expected)).toBeGreaterThan(0.999);
  });

  it.skipIf(weights.path === undefined)(
    `all-MiniLM-L6-v2, float32: the same vectors to 1e-5${reason(weights.reason)}`,
    async () => {
      const { rows } = await both(weights.path, texts);
      for (const [got, expected] of rows) expect(largestDifference(got, expected)).toBeLessThan(1e-5);
    },
  );
});

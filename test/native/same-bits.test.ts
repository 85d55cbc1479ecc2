import { describe, expect, it } from "vitest";

import { NativeBackend } from "candle-embed";
import { readFixtureTexts } from "./support.js";

/** 64 texts in an order that mixes lengths, from one token to the model's limit; few long ones, which take long. */
function mixedTexts(): string[] {
  const texts = readFixtureTexts().map(({ text }) => text);
  const long = texts.filter((text) => text.length > 600);
  const short = texts.filter((text) => text.length <= 600);
  return [...short.slice(0, 30), ...long.slice(0, 3), ...short.slice(-31)];
}

describe.each([undefined, "test/fixtures/tiny-bert-mean"])(
  "the same text has the same bits (%s)",
  (model) => {
    it("alone, among 64, in any order, with one thread and two, in small batches", async () => {
      const texts = mixedTexts();
      expect(texts).toHaveLength(64);
      await using one = await NativeBackend.load(model, { threads: 1 });
      await using two = await NativeBackend.load(model, { threads: 2 });
      expect([one.threads, two.threads]).toEqual([1, 2]);
      const batch = await one.embed(texts);

      const alone = await Promise.all(texts.map((text) => two.embedQuery(text)));
      for (const [index, vector] of alone.entries()) expect(vector, texts[index]).toEqual(batch.at(index));

      const reversed = await two.embed(texts.toReversed());
      for (const index of texts.keys())
        expect(reversed.at(texts.length - 1 - index)).toEqual(batch.at(index));

      await using small = await NativeBackend.load(model, { threads: 2, batchTokens: 64 });
      expect((await small.embed(texts)).data).toEqual(batch.data);
    });
  },
);

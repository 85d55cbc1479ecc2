import fc from "fast-check";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { chunkText, withHeading, type Chunk, type ChunkOptions } from "candle-embed/chunking";
import type { NativeBackend } from "candle-embed";
import { fixtures, loadForTests } from "../native/support.js";

const models = {
  "WordPiece, real": await loadForTests(),
  WordPiece: await loadForTests(path.join(fixtures, "tiny-bert-mean")),
  "byte-level BPE": await loadForTests(path.join(fixtures, "tiny-roberta")),
  Unigram: await loadForTests(path.join(fixtures, "tiny-xlm-roberta")),
  Model2Vec: await loadForTests(path.join(fixtures, "tiny-model2vec")),
};

const word = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("the", "fox", "runs", "over", "river", "e.g.", "3.14", "naïve", "Ünïcödé"),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "日本語のテキスト",
      "我们今天",
      "สวัสดีครับ",
      "👩‍👩‍👧‍👦",
      "🙂",
      "\u200d",
      "\ud83d",
      "(",
      "—",
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: 30, max: 200 }).map((length) => "ab".repeat(length)) },
);
const space = fc.constantFrom(
  " ",
  " ",
  " ",
  " ",
  ". ",
  "! ",
  "\n",
  "\n\n",
  "\r\n",
  "\r\n\r\n",
  "  \n \n\t",
  "\n- ",
  "\n# ",
  "\n## ",
  "\n```\n",
  "\n===\n",
  "\n| ",
);
const document = fc
  .array(fc.tuple(word, space), { maxLength: 120 })
  .map((parts) => parts.map(([a, b]) => a + b).join(""));
const format = fc.constantFrom("text" as const, "markdown" as const, "code" as const);

async function chunk(backend: NativeBackend, text: string, options: ChunkOptions): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const each of chunkText(backend, text, options)) chunks.push(each);
  return chunks;
}

describe.each(Object.entries(models))("%s", (_name, backend) => {
  it("keeps order and places, loses nothing and stays within the limit that embed counts", async () => {
    const sizes = fc.record({
      tokens: fc.integer({ min: 12, max: 40 }),
      overlap: fc.integer({ min: 0, max: 10 }),
    });
    await fc.assert(
      fc.asyncProperty(
        document,
        sizes,
        format,
        fc.boolean(),
        async (text, { tokens, overlap }, kind, withHeadings) => {
          const chunks = await chunk(backend, text, { tokens, overlap, format: kind, withHeadings });
          let [start, end] = [-1, 0];
          for (const each of chunks) {
            expect(text.slice(each.start, each.end)).toBe(each.text);
            expect(each.text.trim()).toBe(each.text);
            expect(each.start).toBeGreaterThan(start);
            expect(each.end).toBeGreaterThan(end);
            expect(text.slice(end, Math.max(end, each.start))).not.toMatch(
              /[\p{L}\p{N}\p{Extended_Pictographic}]/u,
            );
            expect(each.line).toBe(text.slice(0, each.start).split(/\r\n|\n|\r/).length);
            [start, end] = [each.start, each.end];
          }
          expect(text.slice(end)).not.toMatch(/[\p{L}\p{N}\p{Extended_Pictographic}]/u);
          const input = chunks.map((each) => (withHeadings ? withHeading(each) : each.text));
          const counted = await backend.embed(input, { inputType: "document", truncate: "error" });
          expect(chunks.map((each) => each.tokens)).toEqual([...counted.tokens]);
          expect(Math.max(0, ...counted.tokens)).toBeLessThanOrEqual(tokens);
        },
      ),
      { numRuns: 60 },
    );
  });
});

import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { chunkText, withHeading, type Chunk, type ChunkOptions } from "candle-embed/chunking";
import { fixtures, loadForTests, root } from "../native/support.js";

const backend = await loadForTests();

async function chunk(text: string, options?: ChunkOptions): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const each of chunkText(backend, text, options)) chunks.push(each);
  return chunks;
}

async function texts(text: string, options?: ChunkOptions): Promise<string[]> {
  return (await chunk(text, options)).map((each) => each.text);
}

describe("borders", () => {
  it("are paragraphs, as many as fit", async () => {
    const paragraphs = ["One two three four.", "Five six seven.", "Eight nine ten eleven.", "Twelve."];
    expect(await texts(paragraphs.join("\n\n"), { tokens: 12 })).toEqual([
      "One two three four.\n\nFive six seven.",
      "Eight nine ten eleven.\n\nTwelve.",
    ]);
  });

  it("are sentences in a paragraph that does not fit, however its lines are wrapped", async () => {
    const text = "Short one.\n\nThe first sentence\nis here. The second\none, too! Is the third\none asked?";
    expect(await texts(text, { tokens: 10 })).toEqual([
      "Short one.",
      "The first sentence\nis here.",
      "The second\none, too!",
      "Is the third\none asked?",
    ]);
  });

  it("leave Markdown's closing marks with their sentence", async () => {
    const text =
      "- **Nothing is lost.** Every letter is in a chunk. *Really?* `Yes.` It is always so. * Not a mark.";
    expect(await texts(text, { tokens: 11, format: "markdown" })).toEqual([
      "- **Nothing is lost.**",
      "Every letter is in a chunk.",
      "*Really?* `Yes.`",
      "It is always so.",
      "* Not a mark.",
    ]);
  });

  it("are list items and table rows", async () => {
    const list = "- one two three\n- four five six\n  seven\n- eight nine";
    expect(await texts(list, { tokens: 9, format: "markdown" })).toEqual([
      "- one two three",
      "- four five six\n  seven",
      "- eight nine",
    ]);
    const table = "| a | b |\n|---|---|\n| one | two |\n| three | four |";
    const rows = await texts(table, { tokens: 16, format: "markdown" });
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.every((each) => each.startsWith("|") && each.endsWith("|"))).toBe(true);
  });

  it("are line ends where no sentence fits, and in code", async () => {
    const log = Array.from({ length: 6 }, (_, i) => `10:0${String(i)} worker started job`).join("\n");
    expect((await texts(log, { tokens: 10 })).every((each) => /^10:0\d .* job$/.test(each))).toBe(true);
    const code = "let total = first + second;\nlet other = total. value;\n\nreturn other;";
    expect(await texts(code, { tokens: 10, format: "code" })).toEqual([
      "let total = first + second;",
      "let other = total. value;",
      "return other;",
    ]);
  });

  it("are words, with their punctuation, then characters", async () => {
    expect(await texts("one two, three (four) five", { tokens: 5 })).toEqual([
      "one two,",
      "three",
      "(four)",
      "five",
    ]);
    // Words without spaces between them, as the dictionary knows them.
    expect(await texts("我们今天去北京大学参观", { tokens: 6 })).toEqual(["我们今天", "去北京", "大学参观"]);
    const pieces = await texts(`start ${"ab".repeat(40)}`, { tokens: 8 });
    expect(pieces.length).toBeGreaterThan(4);
    expect(pieces.join("")).toBe(`start${"ab".repeat(40)}`);
  });

  it("never cut through a character", async () => {
    const family = "👩‍👩‍👧‍👦";
    const flags = "🇫🇷🇩🇪";
    for (const each of await texts(`${family}${flags}${family}`.repeat(5), { tokens: 7 })) {
      expect(each.replaceAll(family, "").replaceAll("🇫🇷", "").replaceAll("🇩🇪", "")).toBe("");
    }
  });
});

describe("Markdown", () => {
  const source = [
    "---\nsecret: front matter\n---",
    "# Guide",
    "## Install",
    "Run one command.",
    "```sh\n# not a heading\nnpm install candle\n```",
    "## Use",
    "Load the model. Embed the texts.",
  ].join("\n\n");

  it("starts a chunk at each heading with text below it, and says what is above", async () => {
    expect(
      (await chunk(source, { tokens: 64, format: "markdown" })).map(({ heading, text, line }) => [
        line,
        heading,
        text,
      ]),
    ).toEqual([
      [5, "", "# Guide\n\n## Install\n\nRun one command.\n\n```sh\n# not a heading\nnpm install candle\n```"],
      [16, "Guide", "## Use\n\nLoad the model. Embed the texts."],
    ]);
  });

  it("repeats nothing across a heading", async () => {
    const found = await texts(source, { tokens: 14, overlap: 6, format: "markdown" });
    expect(found).toContain("## Use\n\nLoad the model. Embed the texts.");
  });

  it("counts the headings where they are embedded, and drops outer ones that leave no room", async () => {
    const options = { tokens: 24, format: "markdown", withHeadings: true } as const;
    const chunks = await chunk(source, options);
    const { tokens } = await backend.embed(chunks.map(withHeading), { truncate: "error" });
    expect(chunks.map((each) => each.tokens)).toEqual([...tokens]);
    expect(chunks.at(-1)?.heading).toBe("Guide");
    const long = `# ${"word ".repeat(50)}\n\n## Inner\n\n${"A sentence of its own. ".repeat(20)}`;
    const below = (await chunk(long, options)).slice(1);
    expect(below.length).toBeGreaterThan(3);
    expect(new Set(below.map(({ heading }) => heading))).toEqual(new Set(["", "Inner"]));
    expect(below.every(({ tokens: count }) => count <= 24)).toBe(true);
  });
});

describe("overlap", () => {
  const sentences = Array.from({ length: 12 }, (_, i) => `This is sentence ${String(i)}.`);

  it("repeats whole sentences", async () => {
    const found = await texts(sentences.join(" "), { tokens: 17, overlap: 6 });
    expect(found[0]).toBe(sentences.slice(0, 3).join(" "));
    expect(found[1]).toBe(sentences.slice(2, 5).join(" "));
    expect(found.at(-1)).toBe(sentences.slice(-2).join(" "));
  });

  it("repeats words where no sentence is short enough", async () => {
    const words = Array.from({ length: 30 }, (_, i) => `w${"abcdefghij"[i % 10] ?? ""}`).join(" ");
    const found = await chunk(words, { tokens: 14, overlap: 4 });
    for (const [index, { start }] of found.entries()) {
      if (index > 0) expect(start).toBeLessThan(found[index - 1]?.end ?? 0);
      expect(start === 0 || words[start - 1] === " ").toBe(true);
    }
  });

  it("gives way to a paragraph that would not fit beside it", async () => {
    const text = `${sentences.slice(0, 2).join(" ")}\n\n${sentences.slice(2, 5).join(" ")}`;
    expect(await texts(text, { tokens: 17, overlap: 5 })).toEqual(text.split("\n\n"));
  });
});

describe("the prompt of documents", () => {
  it("is counted", async () => {
    const prompted = await loadForTests(path.join(fixtures, "tiny-bert-dot-prefix"));
    const text = "the fox runs over the river and the window ".repeat(20);
    const chunks: Chunk[] = [];
    for await (const each of chunkText(prompted, text, { tokens: 20, prompt: "passage: " }))
      chunks.push(each);
    const embeddings = await prompted.embed(
      chunks.map((each) => each.text),
      { prompt: "passage: " },
    );
    expect(chunks.map(({ tokens }) => tokens)).toEqual([...embeddings.tokens]);
    expect(Math.max(...embeddings.tokens)).toBe(20);
  });
});

describe("edges", () => {
  it("gives nothing for texts that say nothing", async () => {
    for (const text of ["", " \n\n\t", "\uFEFF", "***\n\n---\n\n| - |"])
      expect(await chunk(text)).toEqual([]);
    expect(await texts("🎉 🎉")).toEqual(["🎉 🎉"]);
  });

  it("counts lines of every kind of end", async () => {
    const chunks = await chunk("a.\r\n\r\nb.\n\nc.\r\rd.", { tokens: 4 });
    expect(chunks.map(({ line, text }) => [line, text])).toEqual([
      [1, "a."],
      [3, "b."],
      [5, "c."],
      [7, "d."],
    ]);
  });

  it("cuts a blob that the tokenizer takes for one token", async () => {
    const chunks = await chunk("x".repeat(100_000), { tokens: 32 });
    expect(chunks.map(({ text }) => text).join("")).toHaveLength(100_000);
    expect(Math.max(...chunks.map(({ text }) => text.length))).toBeLessThanOrEqual(32 * 64);
  });

  it.each([
    [{ tokens: 0 }, /tokens/],
    [{ tokens: 1.5 }, /tokens/],
    [{ tokens: 257 }, /"tokens" must be at most 256/],
    [{ tokens: 2 }, /above the 2 of special tokens and prompt/],
    [{ tokens: 10, overlap: 10 }, /"overlap" must be less than the 10/],
    [{ overlap: -1 }, /overlap/],
    [{ format: "html" }, /one of text, markdown, code/],
    [{ size: 3 }, /unknown option "size"/],
  ])("refuses %j", async (options, message) => {
    await expect(chunk("text", options as ChunkOptions)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(message) as string,
    });
  });

  it("refuses a backend without a tokenizer, and what is no text", async () => {
    const rejects = { code: "INVALID_INPUT" };
    await expect(chunkText({} as never, "text").next()).rejects.toMatchObject(rejects);
    await expect(chunkText(undefined as never, "text").next()).rejects.toMatchObject(rejects);
    await expect(chunk(7 as never)).rejects.toMatchObject(rejects);
  });

  it("says which character does not fit", async () => {
    const bytes = await loadForTests(path.join(fixtures, "tiny-roberta"));
    const chunks = chunkText(bytes, "a 🙂", { tokens: 4 });
    const all = async (): Promise<void> => {
      for await (const each of chunks) expect(each.text).toBe("a");
    };
    await expect(all()).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining('"🙂" at position 2') as string,
    });
  });
});

describe("a document of megabytes", () => {
  const text = readFileSync(path.join(root, "ARCHITECTURE.md"), "utf8").repeat(200);

  it("is cut as it is read: the first chunk comes at once, and the rest need not be waited for", async () => {
    const chunks = chunkText(backend, text.repeat(10), { tokens: 128, format: "markdown" });
    expect((await chunks.next()).value).toMatchObject({ start: 0, line: 1 });
    await chunks.return();
  });

  it("stops when it is aborted", async () => {
    const controller = new AbortController();
    const chunks = chunkText(backend, text, { tokens: 128, signal: controller.signal });
    await chunks.next();
    controller.abort();
    const drain = async (): Promise<number> => {
      let count = 0;
      for await (const each of chunks) count += each.tokens;
      return count;
    };
    await expect(drain()).rejects.toMatchObject({ code: "ABORTED", name: "AbortError" });
    await expect(chunk(text, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("is cut in memory that does not grow with it", async () => {
    const growth = async (copies: number): Promise<number> => {
      const document = text.slice(0, 200_000).repeat(copies);
      let most = 0;
      const before = process.memoryUsage().heapUsed;
      for await (const each of chunkText(backend, document, { tokens: 256, overlap: 20 })) {
        if (each.line % 64 === 0) most = Math.max(most, process.memoryUsage().heapUsed - before);
      }
      return most;
    };
    await growth(1);
    // Garbage included: the tokens alone of three megabytes, kept, would be 12 MB of numbers and their chunks more.
    expect(await growth(15)).toBeLessThan((await growth(3)) + 40_000_000);
  });
});

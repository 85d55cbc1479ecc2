import { spawn } from "node:child_process";
import { cpSync, readdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import type { Entry, Position } from "../../src/bulk/record.js";
import { openFile, type InputFormat } from "../../src/bulk/sources/open-source.js";
import type { FieldOptions, Source } from "../../src/bulk/sources/source.js";
import { root } from "../native/support.js";
import { finished, runCli, tinyModel, Workplace, withTinyModel } from "./support.js";

const place = new Workplace();
const { signal } = new AbortController();

function open(name: string, format: InputFormat, fields: FieldOptions = {}): Promise<Source> {
  return openFile(place.at(name), { format, fields, signal });
}

async function entries(source: Source, from?: Position): Promise<Entry[]> {
  const all: Entry[] = [];
  for await (const some of source.read(from)) all.push(...some);
  return all;
}

/** Everything behind any entry is what is read from there. */
async function expectResumable(source: Source): Promise<Entry[]> {
  const all = await entries(source);
  for (const [i, { after }] of all.entries()) {
    expect(await entries(source, after), `after entry ${String(i)}`).toEqual(all.slice(i + 1));
  }
  return all;
}

describe("JSONL", () => {
  it("gives texts and bad lines, and goes on behind each", async () => {
    const lines = [
      '\uFEFF{"text":"first","id":1,"a":null,"b":{"c":[1]}}\r',
      "",
      "{broken",
      '{"text":5}',
      '["text"]',
      '{"id":"x"}',
      '{"text":"with \u2028 inside","id":"é"}',
      '{"text":"t","id":[]}',
      '{"text":"last","id":2}',
    ];
    const bytes = Buffer.from(lines.join("\n")).toString("latin1").replace("broken", "br\xFF\xFEken");
    place.write("mixed.jsonl", Buffer.from(bytes, "latin1"));
    const all = await expectResumable(await open("mixed.jsonl", "jsonl"));
    expect(all.map(({ content }) => content)).toEqual([
      { index: 0, line: 1, text: "first", id: 1, metadata: { a: null, b: { c: [1] } } },
      { index: 1, line: 3, reason: "is not UTF-8" },
      { index: 2, line: 4, reason: 'has no field "text" with a string' },
      { index: 3, line: 5, reason: "is no object" },
      { index: 4, line: 6, reason: 'has no field "text" with a string' },
      { index: 5, line: 7, text: "with \u2028 inside", id: "é" },
      { index: 6, line: 8, reason: 'has an "id" that is no string or number' },
      { index: 7, line: 9, text: "last", id: 2 },
    ]);
  });

  it("passes numbers on as they are, or not at all", async () => {
    const fit =
      '{"text":"t","a":[9007199254740992,0.1,1.50,-2E+3,12345678901234567000],"b":{"c":0.30000000000000004}}';
    const lines = [
      fit,
      '{"text":"t","a":9007199254740993}',
      '{"text":"t \\" 9007199254740993","b\\"":{"c":[1,{"d":-0.1234567890123456789}]}}',
      '{"text":"t","a":1e400}',
      '{"text":"t","a":1e-400}',
      '{"text":"9007199254740993","id":null,"a":"9007199254740993"}',
    ];
    place.write("numbers.jsonl", lines.join("\n"));
    const contents = (await entries(await open("numbers.jsonl", "jsonl"))).map(({ content }) => content);
    const { a, b } = JSON.parse(fit) as Record<string, unknown>;
    const metadata = { a, b };
    const reason = (field: string): unknown => ({
      reason: expect.stringMatching(`^has a number in ${field} that would be rounded: write it`) as string,
    });
    expect(contents).toMatchObject([
      { text: "t", metadata },
      reason('"a"'),
      reason('"b\\\\""'),
      reason('"a"'),
      reason('"a"'),
      { text: "9007199254740993", metadata: { a: "9007199254740993" } },
    ]);
    expect(contents[5]).not.toHaveProperty("id");
    // What is not passed on may be anything.
    const bare = await entries(await open("numbers.jsonl", "jsonl", { metadata: ["e"] }));
    expect(bare.filter(({ content }) => "reason" in content)).toEqual([]);
  });

  it("takes the fields it is told", async () => {
    place.write("fields.jsonl", '{"body":"b","key":"k","text":"t","x":1,"y":2}\n{"body":"no key"}\n');
    const source = await open("fields.jsonl", "jsonl", { text: "body", id: "key", metadata: ["y", "z"] });
    expect((await entries(source)).map(({ content }) => content)).toEqual([
      { index: 0, line: 1, text: "b", id: "k", metadata: { y: 2 } },
      { index: 1, line: 2, reason: 'has no field "key"' },
    ]);
  });
});

describe("CSV", () => {
  it("knows quoted values with line ends, marks and commas in them, and goes on behind each record", async () => {
    const csv =
      '\uFEFFid,text,note\r\n1,plain é,\r\n2,"two\nlines, ""quoted"" ü",n\r\n\r\n3,"odd" quote,x\r\n4,too few\r\n' +
      '5,a "mark" inside,y\r\n6,no end,z';
    const bytes = Buffer.from(csv).toString("latin1").replace("no end", "\xFF");
    place.write("mixed.csv", Buffer.from(bytes, "latin1"));
    const all = await expectResumable(await open("mixed.csv", "csv"));
    expect(all.map(({ content }) => content)).toEqual([
      { index: 0, line: 2, id: "1", text: "plain é", metadata: { note: "" } },
      { index: 1, line: 4, id: "2", text: 'two\nlines, "quoted" ü', metadata: { note: "n" } },
      { index: 2, line: 6, id: "3", text: '"odd" quote', metadata: { note: "x" } },
      { index: 3, line: 7, reason: "has 2 columns, the first line 3" },
      { index: 4, line: 8, id: "5", text: 'a "mark" inside', metadata: { note: "y" } },
      { index: 5, line: 9, reason: "is not UTF-8" },
    ]);
  });

  it("names a quotation without end", async () => {
    place.write("unclosed.csv", 'text\nfine\n"never\nclosed\n');
    const all = await expectResumable(await open("unclosed.csv", "csv"));
    expect(all.map(({ content }) => content)).toMatchObject([
      { text: "fine" },
      { index: 1, reason: "ends in a quotation that is not closed" },
    ]);
  });

  it("tab-separated: quotes are characters", async () => {
    place.write("values.tsv", 'score\ttext\n5\t"a" cat\n4\tan "open\n');
    const all = await expectResumable(await open("values.tsv", "tsv"));
    expect(all.map(({ content }) => content)).toMatchObject([{ text: '"a" cat' }, { text: 'an "open' }]);
  });

  it("refuses a file without the column, with the names of those it has", async () => {
    const end = await runCli(withTinyModel("embed", "--file", place.at("mixed.csv"), "--text-field", "body"));
    expect(end.stderr).toMatch(
      /INVALID_INPUT: the first line has no column "body"; it has id, text, note\n$/,
    );
    const source = await open("mixed.csv", "csv", { metadata: ["note", "nope"] });
    await expect(entries(source)).rejects.toThrow(
      'the first line has no column "nope"; it has id, text, note',
    );
  });
});

describe("a line of 50 MB", () => {
  it("goes to the errors, and the lines around it to the output", async () => {
    place.write("long.jsonl", `{"text":"a"}\n{"text":"${"x".repeat(50_000_000)}"}\n{"text":"b"}\n`);
    expect(await place.embed("long.jsonl", "long.out.jsonl")).toMatchObject({ code: 0 });
    expect(place.records("long.out.jsonl").map(({ index, text }) => [index, text])).toEqual([
      [0, "a"],
      [2, "b"],
    ]);
    expect(place.read("long.out.jsonl.errors.jsonl").toString()).toBe(
      '{"line":2,"index":1,"reason":"is longer than 16777216 bytes"}\n',
    );
  });
});

describe("bad lines", () => {
  it("of a text that is too long, where that is an error", async () => {
    place.write("lengths.txt", `short\n${"long ".repeat(200)}\nshort again\n${"long ".repeat(300)}\n`);
    expect(await place.embed("lengths.txt", "lengths.jsonl", "--truncate", "error")).toMatchObject({
      code: 0,
    });
    expect(place.records("lengths.jsonl").map(({ text }) => text)).toEqual(["short", "short again"]);
    expect(place.read("lengths.jsonl.errors.jsonl").toString()).toMatch(
      /^\{"line":2,"index":1,"reason":"has \d+ tokens, the model reads 64"\}\n\{"line":4,"index":3,[^\n]*\n$/,
    );
  });

  it("end a run into a pipe, unless there is a file for them", async () => {
    const input = '{"text":"a"}\n{}\n';
    const args = withTinyModel("embed", "--input", "jsonl", "--format", "jsonl");
    expect(await runCli(args, input)).toMatchObject({ code: 1, stdout: "" });
    const collected = await runCli([...args, "--errors", place.at("piped.errors")], input);
    expect(collected.code).toBe(0);
    expect(collected.stderr).toMatch(/^candle-embed: 1 line could not be used: see .*piped\.errors\n$/);
  });
});

describe("shards", () => {
  it.each([
    ["lines.jsonl", "jsonl", 3],
    ["lines.jsonl", "f32", 7],
    ["lines.csv", "jsonl", 4],
  ])("of %s joined as %s are the whole, in any number of parts", async (input, format, count) => {
    const texts = Array.from({ length: 40 }, (_, i) => `text ${String(i)} ${"x".repeat((i * 37) % 90)}`);
    place.write(
      "lines.jsonl",
      texts.map((text, i) => `${i % 9 === 4 ? "\n" : ""}${JSON.stringify({ text })}\n`).join(""),
    );
    place.write("lines.csv", `text\n${texts.map((text) => `"${text}\n"\n`).join("")}`);
    await place.embed(input, `whole.${format}`);
    const parts: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      const shard = `${String(i)}/${String(count)}`;
      expect(await place.embed(input, `part.${format}`, "--shard", shard)).toMatchObject({ code: 0 });
      parts.push(place.read(`part.${format}`));
    }
    expect(Buffer.concat(parts).equals(place.read(`whole.${format}`))).toBe(true);
  });

  it("count from 0", async () => {
    for (const [shard, message] of [
      ["4/4", /--shard counts from 0: of 4 parts the last is 3\/4/],
      ["1", /--shard must be like 0\/4/],
    ] as const) {
      const end = await place.embed("lines.jsonl", "x.jsonl", "--shard", shard);
      expect(end).toMatchObject({ code: 2, stderr: expect.stringMatching(message) as string });
    }
  });
});

describe("--chunk", () => {
  it("gives every part of a long text its vector and its place", async () => {
    const texts = [
      "One sentence here. ".repeat(40).trim(),
      "short",
      "Another, longer sentence stands here. ".repeat(30).trim(),
    ];
    place.write(
      "long-texts.jsonl",
      texts.map((text, id) => `${JSON.stringify({ id, text, kind: "k" })}\n`).join(""),
    );
    const chunks = ["--chunk", "20", "--overlap", "8"];
    expect(await place.embed("long-texts.jsonl", "chunks.jsonl", ...chunks)).toMatchObject({ code: 0 });
    const records = place.records("chunks.jsonl") as unknown as {
      index: number;
      id: number;
      text: string;
      tokens: number;
      metadata: unknown;
      chunk: { number: number; start: number; end: number };
    }[];
    expect(records.length).toBeGreaterThan(20);
    for (const { id, index, text, tokens, metadata, chunk } of records) {
      expect(texts[id]?.slice(chunk.start, chunk.end)).toBe(text);
      expect(tokens).toBeLessThanOrEqual(20);
      expect([index, metadata]).toEqual([id, { kind: "k" }]);
    }
    expect(records.filter(({ id }) => id === 1).map(({ chunk }) => chunk)).toEqual([
      { number: 0, start: 0, end: 5 },
    ]);
  });

  it("is refused where it cannot be done", async () => {
    for (const [options, message] of [
      [["--overlap", "3"], /--overlap is of chunks: pass --chunk TOKENS too/],
      [["--chunk", "100000"], /--chunk must be at most 64/],
      [["--chunk", "10", "--overlap", "10"], /--overlap must be less than/],
    ] as const) {
      const end = await place.embed("long-texts.jsonl", "x.jsonl", ...options);
      expect(end).toMatchObject({ code: 2, stderr: expect.stringMatching(message) as string });
    }
  });
});

describe("a run that cannot come to anything ends before the work", () => {
  it("where no line has the field that was asked for", async () => {
    const end = await place.embed("lines.jsonl", "nothing.jsonl", "--text-field", "body");
    expect(end).toMatchObject({ code: 1, stdout: "" });
    expect(end.stderr).toBe(
      'candle-embed: INVALID_INPUT: none of the first 40 lines can be used: line 1 has no field "body" with a string\n',
    );
    expect(readdirSync(place.folder).filter((name) => name.startsWith("nothing"))).toEqual([]);
  });

  it("where the output is the input", async () => {
    symlinkSync("lines.jsonl", place.at("link.jsonl"));
    const before = place.read("lines.jsonl");
    for (const output of ["lines.jsonl", "link.jsonl"]) {
      const end = await place.embed("lines.jsonl", output);
      expect(end).toMatchObject({ code: 2, stderr: expect.stringMatching(/are the same file/) as string });
    }
    expect(place.read("lines.jsonl").equals(before)).toBe(true);
  });

  it("where the package of a format is missing, with what to install", async () => {
    // The build alone, where it finds no other package.
    const copy = place.at("copy");
    for (const part of ["dist", "package.json"])
      cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
    for (const name of readdirSync(root).filter((each) => each.endsWith(".node"))) {
      cpSync(path.join(root, name), path.join(copy, name));
    }
    const run = (...args: string[]): ReturnType<typeof finished> =>
      finished(
        spawn(process.execPath, [
          path.join(copy, "dist/cli/main.js"),
          "embed",
          "--model",
          tinyModel,
          ...args,
        ]),
      );
    for (const [input, output, name] of [
      ["lines.jsonl", "x.parquet", "hyparquet-writer"],
      ["lines.jsonl", "x.arrow", "apache-arrow"],
      ["lines.jsonl", "x.lance", "@lancedb/lancedb"],
      ["lines.csv", "x.jsonl", "csv-parse"],
    ] as const) {
      const end = await run("--file", place.at(input), "--output", place.at(output));
      expect(end.stderr).toMatch(
        new RegExp(`INVALID_INPUT: .* needs the package ${name}: npm install ${name}@[0-9.]+\n$`),
      );
    }
    expect(readdirSync(place.folder).filter((name) => name.startsWith("x."))).toEqual([]);
  });
});

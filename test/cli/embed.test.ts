import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";

import { NativeBackend } from "candle-embed";
import { finished } from "../native/support.js";
import { runCli, runShell, startCli, temporaryFolder, tinyModel, withTinyModel } from "./support.js";

const folder = temporaryFolder();
const backend = await NativeBackend.load(tinyModel);
const texts = ["the fox", "", "is in the river"];
const expected = await backend.embed(texts, { inputType: "document" });
await backend.dispose();

interface EmbeddingRecord {
  index: number;
  id?: string | number;
  text: string;
  tokens: number;
  truncated: boolean;
  embedding: number[];
}

function file(name: string, content: string): string {
  const absolute = path.join(folder, name);
  writeFileSync(absolute, content);
  return absolute;
}

/** Reads a .npy file of version 1.0. */
function readNpy(bytes: Buffer): { header: string; data: Float32Array } {
  expect(bytes.toString("latin1", 0, 8)).toBe("\x93NUMPY\x01\x00");
  const start = 10 + bytes.readUInt16LE(8);
  expect(start % 64).toBe(0);
  const data = bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length);
  return { header: bytes.toString("latin1", 10, start).trim(), data: new Float32Array(data) };
}

describe("formats", () => {
  it("json: an array of records whose numbers are the exact float32 values", async () => {
    const { code, stdout, stderr } = await runCli(withTinyModel("embed", ...texts));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const records = JSON.parse(stdout) as EmbeddingRecord[];
    expect(records.map(({ index, text }) => [index, text])).toEqual([...texts.entries()]);
    expect(Float32Array.from(records.flatMap(({ embedding }) => embedding))).toEqual(expected.data);
    expect(records.map(({ tokens }) => tokens)).toEqual(Array.from(expected.tokens));
  });

  it("jsonl: one record a line", async () => {
    const { stdout } = await runCli(withTinyModel("embed", "--format", "jsonl", ...texts));
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as EmbeddingRecord).text)).toEqual(texts);
  });

  it("text: one vector a line", async () => {
    const { stdout } = await runCli(withTinyModel("embed", "--format", "text", ...texts));
    const rows = stdout.trimEnd().split("\n");
    expect(rows).toHaveLength(3);
    expect(Float32Array.from(rows.flatMap((row) => row.split(" ").map(Number)))).toEqual(expected.data);
  });

  it("npy: the same bytes in a file and through a pipe", async () => {
    const input = file("three.txt", texts.join("\n"));
    const output = path.join(folder, "three.npy");
    const piped = path.join(folder, "piped.npy");
    const line = `cli embed --model "${tinyModel}" --file "${input}" --format npy`;
    expect(await runShell(`${line} --output "${output}" && ${line} | cat > "${piped}"`)).toMatchObject({
      code: 0,
    });
    const { header, data } = readNpy(readFileSync(output));
    expect(header).toBe("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 32), }");
    expect(data).toEqual(expected.data);
    expect(readFileSync(piped)).toEqual(readFileSync(output));
    expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it("of no texts: empty, and well-formed", async () => {
    const empty = file("empty.txt", "");
    const run = (format: string): Promise<{ stdout: string }> =>
      runCli(withTinyModel("embed", "--file", empty, "--format", format));
    expect(JSON.parse((await run("json")).stdout)).toEqual([]);
    expect((await run("jsonl")).stdout).toBe("");
    expect((await run("text")).stdout).toBe("");
    expect((await run("npy")).stdout).toContain("'shape': (0, 32)");
  });
});

describe("npy of no texts", () => {
  it.each([
    [[], "<f4", 32],
    [["--dimensions", "5", "--cut-without-matryoshka"], "<f4", 5],
    [["--output-type", "int8"], "|i1", 32],
    [["--output-type", "uint8", "--dimensions", "8", "--cut-without-matryoshka"], "|u1", 8],
    [["--output-type", "ubinary"], "|u1", 4],
    [["--output-type", "binary", "--dimensions", "16", "--cut-without-matryoshka"], "|i1", 2],
  ])("%j: type and shape of what there would be", async (options, type, columns) => {
    const { code, stdout } = await runCli(withTinyModel("embed", "--format", "npy", ...options));
    expect(code).toBe(0);
    expect(stdout).toContain(
      `{'descr': '${type}', 'fortran_order': False, 'shape': (0, ${String(columns)}), }`,
    );
  });

  it.each([
    [["--dimensions", "33"], /^candle-embed: INVALID_INPUT: dimensions must be 1 to 32 /],
    [["--dimensions", "16"], /INVALID_INPUT: this model is not known to be trained for shorter vectors/],
    [
      ["--dimensions", "12", "--cut-without-matryoshka", "--output-type", "binary"],
      /multiple of 8, not 12\n$/,
    ],
  ])("refuses %j, and makes no file", async (options, message) => {
    const output = path.join(folder, "refused.npy");
    const end = await runCli(withTinyModel("embed", "--format", "npy", "--output", output, ...options));
    expect(end).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(message) as string });
    expect(readdirSync(folder).filter((name) => name.startsWith("refused"))).toEqual([]);
  });
});

describe("input", () => {
  it("refuses a folder as standard input", async () => {
    const end = await runShell(`cli embed --model "${tinyModel}" < "${folder}"`);
    expect(end).toEqual({
      code: 1,
      signal: null,
      stdout: "",
      stderr: "candle-embed: INVALID_INPUT: standard input is a folder; pass a file\n",
    });
  });

  it.each([
    ["9007199254740993", /would be rounded/],
    ["-12345678901234567890", /would be rounded/],
    ["1e400", /would be rounded/],
    ["true", /no string or number/],
    ["[1]", /no string or number/],
    ['{"a":1}', /no string or number/],
  ])("refuses the id %s rather than to change or drop it", async (id, message) => {
    const input = `{"text":"a","id":1}\n{"text":"b","id":${id}}\n`;
    const end = await runCli(withTinyModel("embed", "--input", "jsonl", "--format", "npy"), input);
    expect(end).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(message) as string });
    expect(end.stderr).toMatch(/^candle-embed: INVALID_INPUT: line 2 has an "id" that [^\n]+\n$/);
  });

  it("keeps ids as they are", async () => {
    const ids = ['"9007199254740993"', "9007199254740991", "-9007199254740991", "0", '""', "1.5"];
    const input = ids.map((id) => `{"text":"a","id":${id}}\n`).join("");
    const { stdout } = await runCli(withTinyModel("embed", "--input", "jsonl", "--format", "jsonl"), input);
    expect([...stdout.matchAll(/"id":([^,]+),/g)].map(([, id]) => id)).toEqual(ids);
  });

  it("standard input: one text a line, empty lines too", async () => {
    const { stdout } = await runCli(withTinyModel("embed", "--format", "jsonl"), `${texts.join("\r\n")}\r\n`);
    const records = stdout.trimEnd().split("\n");
    expect(records.map((line) => (JSON.parse(line) as EmbeddingRecord).text)).toEqual(texts);
  });

  it("JSONL by the file's name or --input, with ids", async () => {
    const content = `{"id":"a","text":"the fox"}\n\n{"id":7,"text":"two\\nlines"}\n{"text":"third"}\n`;
    const byName = await runCli(withTinyModel("embed", "--file", file("x.jsonl", content)));
    const byOption = await runCli(withTinyModel("embed", "--input", "jsonl"), content);
    expect(byOption.stdout).toBe(byName.stdout);
    const records = JSON.parse(byName.stdout) as EmbeddingRecord[];
    expect(records.map(({ index, id, text }) => [index, id, text])).toEqual([
      [0, "a", "the fox"],
      [1, 7, "two\nlines"],
      [2, undefined, "third"],
    ]);
  });

  it("works through more texts than one batch, in order", async () => {
    const lines = Array.from({ length: 2_500 }, (_, index) => `line ${String(index)}`);
    const { code, stdout } = await runCli(withTinyModel("embed", "--format", "jsonl"), lines.join("\n"));
    expect(code).toBe(0);
    const records = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as EmbeddingRecord);
    expect(records.map(({ index, text }) => [index, text])).toEqual([...lines.entries()]);
  });
});

describe("options", () => {
  it("--dimensions, --cut-without-matryoshka, --output-type and --query", async () => {
    const { stdout } = await runCli(
      withTinyModel(
        ...["embed", "the fox", "--dimensions", "16", "--cut-without-matryoshka", "--output-type", "ubinary"],
      ),
    );
    const [record] = JSON.parse(stdout) as EmbeddingRecord[];
    expect(record?.embedding).toHaveLength(2);
    expect(record?.embedding.every((value) => Number.isInteger(value) && value >= 0 && value < 256)).toBe(
      true,
    );
    const prompted = ["embed", "the fox", "--model", "test/fixtures/tiny-bert-cls", "--format", "text"];
    expect((await runCli([...prompted, "--query"])).stdout).not.toBe((await runCli(prompted)).stdout);
  });

  it("cuts long texts and says so, or refuses them by their number", async () => {
    const input = [...Array<string>(1_100).fill("short"), "long ".repeat(400)].join("\n");
    const cut = await runCli(withTinyModel("embed", "--format", "jsonl"), input);
    expect(cut).toMatchObject({
      code: 0,
      stderr: "candle-embed: 1 of the texts had more than 64 tokens and were cut\n",
    });
    const refused = await runCli(withTinyModel("embed", "--truncate", "error", "--format", "jsonl"), input);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^candle-embed: INPUT_TOO_LONG: text 1100 \(counted from 0\) has \d+ tokens, the model reads 64\n$/,
    );
  });

  it("uses the embedded model by default", async () => {
    const { stdout } = await runCli(["embed", "hello"]);
    expect((JSON.parse(stdout) as EmbeddingRecord[])[0]?.embedding).toHaveLength(384);
  });
});

describe("ends", () => {
  it("quietly when nobody reads on", async () => {
    const lines = file("many.txt", "a line of text\n".repeat(5_000));
    const end = await runShell(
      `cli embed --model "${tinyModel}" --format text --file "${lines}" | head -n 1 | wc -l; echo "\${PIPESTATUS[0]}"`,
    );
    expect(end.stderr).toBe("");
    expect(end.stdout).toBe("1\n0\n");
  });

  it("with 130 on Ctrl-C, leaving no half-written file", async () => {
    const output = path.join(folder, "interrupted.jsonl");
    const child = startCli(withTinyModel("embed", "--format", "jsonl", "--output", output));
    const end = finished(child);
    // Input that goes on: only the signal ends the run.
    child.stdin.write("a line of text\n".repeat(1_500));
    await vi.waitUntil(() => readdirSync(folder).some((name) => name.startsWith("interrupted")), 30_000);
    child.kill("SIGINT");
    expect(await end).toEqual({ code: 130, signal: null, stdout: "", stderr: "" });
    expect(readdirSync(folder).filter((name) => name.startsWith("interrupted"))).toEqual([]);
  });

  it("with an error and no output file when a line is wrong and nothing may be left out", async () => {
    const output = path.join(folder, "never.jsonl");
    const input = file("bad.jsonl", '{"text":"a"}\n{"text":1}\n');
    const end = await runCli(
      withTinyModel("embed", "--file", input, "--output", output, "--strict", "--quiet"),
    );
    expect(end).toMatchObject({
      code: 1,
      stdout: "",
      stderr: 'candle-embed: INVALID_INPUT: line 2 has no field "text" with a string\n',
    });
    expect(readdirSync(folder).filter((name) => name.startsWith("never"))).toEqual([]);
  });
});

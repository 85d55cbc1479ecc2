import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

import { root, runCli, runShell, temporaryFolder } from "./support.js";

const folder = temporaryFolder();

interface Record {
  id: string;
  source: string;
  record?: string | number;
  index: number;
  start: number;
  end: number;
  line: number;
  heading: string;
  tokens: number;
  text: string;
}

it("prints place, tokens and headings of each chunk, and the same as JSON", async () => {
  const file = path.join(root, "CONTRIBUTING.md");
  const { code, stdout } = await runCli(["chunk", "--tokens", "64", file]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\S+CONTRIBUTING\.md:1 {2}\d+ tokens\n {4}# Contributing\n/);
  const text = readFileSync(file, "utf8");
  const array = JSON.parse((await runCli(["chunk", "-n", "64", "--json", file])).stdout) as Record[];
  expect(array.length).toBe(stdout.match(/ tokens/g)?.length);
  for (const [index, each] of array.entries()) {
    expect(each).toMatchObject({ id: `${file}#${String(index)}`, source: file, index });
    expect(text.slice(each.start, each.end)).toBe(each.text);
    expect(each.tokens).toBeLessThanOrEqual(64);
  }
  const lines = (await runCli(["chunk", "-n", "64", "--jsonl", file])).stdout.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line) as Record)).toEqual(array);
});

it("keeps the ids of records, and feeds embed", async () => {
  const file = path.join(folder, "corpus.jsonl");
  const records = [
    { id: "a", text: "One sentence here. Another sentence there. A third." },
    { text: "" },
    { id: 7, text: "Short." },
  ];
  writeFileSync(file, records.map((each) => JSON.stringify(each)).join("\n"));
  const chunked = await runCli(["chunk", "-n", "8", "--jsonl", file]);
  const chunks = chunked.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record);
  expect(chunks.map(({ id, record, text }) => [id, record, text])).toEqual([
    [`${file}#a#0`, "a", "One sentence here."],
    [`${file}#a#1`, "a", "Another sentence there."],
    [`${file}#a#2`, "a", "A third."],
    [`${file}#7#0`, 7, "Short."],
  ]);
  const line = `cli chunk -n 8 --jsonl "${file}" | cli embed --input jsonl --format jsonl`;
  const { code, stdout } = await runShell(line);
  expect(code).toBe(0);
  const vectors = stdout
    .trimEnd()
    .split("\n")
    .map((each) => JSON.parse(each) as Record);
  expect(vectors.map(({ id, tokens }) => [id, tokens])).toEqual(chunks.map(({ id, tokens }) => [id, tokens]));
});

it("reads folders and standard input, and writes a file", async () => {
  const target = path.join(folder, "chunks.json");
  const fromFolder = await runCli(["chunk", "--json", "-o", target, path.join(root, "docs")]);
  expect(fromFolder).toMatchObject({ code: 0, stdout: "" });
  const chunks = JSON.parse(readFileSync(target, "utf8")) as Record[];
  expect(chunks.some(({ source, heading }) => source.endsWith("event-loop.md") && heading !== "")).toBe(true);
  const markdown = "# A\n\none\n\n# B\n\ntwo\n";
  const piped = await runCli(["chunk", "--input", "markdown", "--json"], markdown);
  expect(
    (JSON.parse(piped.stdout) as Record[]).map(({ source, line, text }) => [source, line, text]),
  ).toEqual([
    ["-", 1, "# A\n\none"],
    ["-", 5, "# B\n\ntwo"],
  ]);
  expect((await runCli(["chunk", "--json"], " \n")).stdout).toBe("[]\n");
});

it.each([
  [["--json", "--jsonl", "README.md"], 2, /pass --json or --jsonl, not both/],
  [["--tokens", "0", "README.md"], 2, /--tokens must be a whole number from 1/],
  [["--overlap", "-1", "README.md"], 2, /overlap/],
  [["--tokens", "20", "--overlap", "20", "README.md"], 2, /USAGE: --overlap must be less/],
  [["--tokens", "9999", "README.md"], 2, /USAGE: --tokens must be at most 256/],
  [["nothing.md"], 1, /INVALID_INPUT: there is no file or folder nothing\.md/],
  [[process.execPath], 1, /INVALID_INPUT: .* is not text: it has zero bytes/],
])("refuses %j", async (args, code, message) => {
  const result = await runCli(["chunk", ...args]);
  expect(result.code).toBe(code);
  expect(result.stderr).toMatch(message);
});

it("names the file of a line that cannot be read", async () => {
  const file = path.join(folder, "broken.jsonl");
  writeFileSync(file, '{"text":"a"}\nno JSON\n');
  const named = await runCli(["chunk", "--json", "README.md", file]);
  expect(named).toMatchObject({
    code: 1,
    stderr: `candle-embed: INVALID_INPUT: ${file}: line 2 is not JSON\n`,
  });
  const piped = await runCli(["chunk", "--json", "--input", "jsonl"], "no JSON\n");
  expect(piped.stderr).toBe("candle-embed: INVALID_INPUT: standard input: line 1 is not JSON\n");
});

it("refuses what is not UTF-8, and leaves no output behind", async () => {
  const file = path.join(folder, "latin1.txt");
  const target = path.join(folder, "none.json");
  writeFileSync(file, Buffer.from([0x63, 0x61, 0x66, 0xe9]));
  const { code, stderr } = await runCli(["chunk", "--json", "-o", target, file]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/INVALID_INPUT: .*latin1\.txt is not UTF-8/);
  expect(() => readFileSync(target)).toThrow("ENOENT");
});

it("does not put its chunks in the place of a document", async () => {
  const notes = path.join(folder, "notes");
  mkdirSync(notes);
  const file = path.join(notes, "a.md");
  writeFileSync(file, "A note.\n");
  symlinkSync(notes, path.join(folder, "link-to-notes"));
  for (const given of [file, notes, path.join(folder, "link-to-notes")]) {
    const end = await runCli(["chunk", given, "-o", path.join(folder, "link-to-notes", "a.md")]);
    expect(end).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/a\.md, one of the documents/) as string,
    });
  }
  expect(readFileSync(file, "utf8")).toBe("A note.\n");
  expect(await runCli(["chunk", notes, "-o", path.join(notes, "chunks.txt")])).toMatchObject({ code: 0 });
});

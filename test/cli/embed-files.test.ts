import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { runCli, Workplace, withTinyModel } from "../bulk/support.js";

const place = new Workplace();
const corpus = '{"text":"a"}\n{broken\n{"text":"b"}\n';

/** `candle-embed embed` with these options; what begins with `@` is a file of the workplace. */
function embed(...options: string[]): ReturnType<typeof runCli> {
  const args = options.map((option) => (option.startsWith("@") ? place.at(option.slice(1)) : option));
  return runCli(withTinyModel("embed", ...args));
}

describe("the files of a run", () => {
  it.each([
    [["--errors", "@in.jsonl"], /--file and --errors are the same file/],
    [["--errors", "@link.jsonl", "-o", "@out.jsonl"], /--file and --errors are the same file/],
    [["--errors", "@out.jsonl", "-o", "@out.jsonl"], /--errors and --output are the same file/],
    [["--cache", "@out.jsonl", "-o", "@out.jsonl"], /--cache and --output are the same file/],
    [["--cache", "@in.jsonl", "-o", "@out.jsonl"], /--file and --cache are the same file/],
    [["--errors", "@out.jsonl.journal", "-o", "@out.jsonl"], /--errors is .* which the run .* replaces/],
    [["--errors", "@note.md", "-o", "@out.jsonl"], /note\.md is there and holds no lines that could not/],
    [["--errors", "@folder", "-o", "@out.jsonl"], /--errors must name a file, not the folder/],
    [["--errors", "/dev/null", "-o", "@out.jsonl"], /--errors must name a file, not the pipe or device/],
    [["--errors", "", "-o", "@out.jsonl"], /--errors must not be empty/],
    [["--cache", "", "-o", "@out.jsonl"], /--cache must not be empty/],
    [["--cache", "@folder", "-o", "@out.jsonl"], /--cache must name a file, not the folder/],
  ])("are different ones: %j", async (options, message) => {
    place.write("in.jsonl", corpus);
    place.write("note.md", "# A note\n");
    mkdirSync(place.at("folder"), { recursive: true });
    if (!readdirSync(place.folder).includes("link.jsonl")) symlinkSync("in.jsonl", place.at("link.jsonl"));
    const end = await embed("--file", "@in.jsonl", ...options);
    expect(end).toMatchObject({ code: 2, stdout: "" });
    expect(end.stderr).toMatch(message);
    expect(place.read("in.jsonl").toString()).toBe(corpus);
    expect(place.read("note.md").toString()).toBe("# A note\n");
    expect(readdirSync(place.folder).sort()).toEqual(["folder", "in.jsonl", "link.jsonl", "note.md"]);
  });

  it("may be those of an earlier run", async () => {
    place.write("in.jsonl", corpus);
    const options = ["--file", "@in.jsonl", "-o", "@again.jsonl", "--errors", "@again.errors"];
    for (let i = 0; i < 2; i++) expect(await embed(...options)).toMatchObject({ code: 0 });
    expect(place.read("again.errors").toString()).toBe('{"line":2,"index":1,"reason":"is not JSON"}\n');
  });

  it("need a folder", async () => {
    const end = await embed("--file", "@in.jsonl", "-o", "@out.jsonl", "--errors", "@nowhere/x");
    expect(end.stderr).toMatch(/INVALID_INPUT: there is no folder .*nowhere to write x to\n$/);
  });

  it("are named where a Lance dataset would take a file's place", async () => {
    place.write("vectors.lance", "a file");
    const end = await embed("--file", "@in.jsonl", "-o", "@vectors.lance");
    expect(end.stderr).toMatch(
      /USAGE: .*vectors\.lance" is there and no Lance dataset; it is not replaced\n$/,
    );
  });
});

describe("a lone -", () => {
  it("is standard input, and standard output after -o", async () => {
    const expected = await runCli(withTinyModel("embed", "the fox", "--format", "text"));
    for (const args of [["-"], ["--file", "-"], ["-o", "-"], ["-", "-o", "-"]]) {
      const end = await runCli(withTinyModel("embed", "--format", "text", ...args), "the fox\n");
      expect(end).toEqual(expected);
    }
    const text = await runCli([...withTinyModel("embed", "--format", "jsonl"), "--", "-"]);
    expect(JSON.parse(text.stdout)).toMatchObject({ text: "-" });
  });

  it("is a document for chunk and search", async () => {
    const piped = await runCli(["chunk", "--json"], "the fox\n");
    expect(piped).toMatchObject({ code: 0, stdout: expect.stringContaining('"the fox"') as string });
    expect(await runCli(["chunk", "--json", "-", "-o", "-"], "the fox\n")).toEqual(piped);
    const found = await runCli(withTinyModel("search", "--json", "fox", "-"), "the fox\n");
    expect(JSON.parse(found.stdout)).toMatchObject([{ file: "-", text: "the fox" }]);
  });

  it.each([
    [["--file", "-", "--shard", "0/2"], /--shard needs a --file/],
    [["--file", "-", "text"], /pass TEXT or --file, not both/],
    [["--errors", "-"], /--errors must name a file, not standard output/],
    [["--format", "parquet", "-o", "-"], /parquet is written to a file: pass --output FILE/],
  ])("is refused where it cannot be one: %j", async (args, message) => {
    const end = await runCli(withTinyModel("embed", ...args), "the fox\n");
    expect(end).toMatchObject({ code: 2, stderr: expect.stringMatching(message) as string });
  });
});

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { copyOfTinyModel } from "../native/support.js";
import { root, runCli, temporaryFolder, tinyModel, withTinyModel } from "./support.js";

const folder = temporaryFolder();

describe("help and version", () => {
  it("names every exit code", async () => {
    expect((await runCli(["--help"])).stdout).toMatch(/0 done, 1 failed, 2 wrong usage, 130 .*, 143 /);
  });

  it("lists the commands", async () => {
    const { code, stdout } = await runCli(["--help"]);
    expect(code).toBe(0);
    for (const name of [
      "embed",
      "similarity",
      "search",
      "serve",
      "models",
      "pull",
      "rm",
      "quantize",
      "verify",
    ]) {
      expect(stdout).toContain(`  ${name}`);
      const page = await runCli([name, "--help"]);
      expect(page).toMatchObject({ code: 0, stderr: "" });
      expect(page.stdout).toMatch(
        new RegExp(`^Usage: candle-embed ${name} [\\s\\S]*Examples:\n  .*candle-embed`),
      );
      expect(page.stdout.split("\n").every((line) => line.length <= 120)).toBe(true);
    }
  });

  it("prints the package's version", async () => {
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
      version: string;
    };
    expect((await runCli(["--version"])).stdout).toBe(`${version}\n`);
  });

  it("takes what follows -- for text", async () => {
    const { code, stdout } = await runCli([
      "embed",
      "--model",
      tinyModel,
      "--format",
      "jsonl",
      "--",
      "--help",
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('"text":"--help"');
  });
});

describe("similarity", () => {
  it("prints one number for two texts", async () => {
    const close = await runCli(["similarity", "a dog runs", "a puppy is running"]);
    const far = await runCli(["similarity", "a dog runs", "quarterly tax report"]);
    expect(close.stdout).toMatch(/^0\.\d{4}\n$/);
    expect(Number(close.stdout)).toBeGreaterThan(Number(far.stdout) + 0.3);
  });

  it("prints a matrix for more", async () => {
    const args = withTinyModel("similarity", "the fox", "the river", "the window");
    const { stdout } = await runCli(args);
    expect(stdout.trimEnd().split("\n")).toHaveLength(3);
    const matrix = JSON.parse((await runCli([...args, "--format", "json"])).stdout) as number[][];
    expect(matrix.map((row) => row.length)).toEqual([3, 3, 3]);
    expect(matrix[0]?.[1]).toBe(matrix[1]?.[0]);
  });
});

describe("search", () => {
  mkdirSync(path.join(folder, "notes/deep"), { recursive: true });
  writeFileSync(
    path.join(folder, "notes/cooking.md"),
    "# Bread\n\nYeast turns sugar into gas, so the dough rises.\n",
  );
  writeFileSync(
    path.join(folder, "notes/deep/money.md"),
    "# Invoices\n\nAn intro.\n\nPayment is due within thirty days of delivery.\n",
  );

  it("prints score, place and passage, best first", async () => {
    const args = ["search", "--folder", path.join(folder, "notes"), "--top", "2", "when must I pay a bill"];
    const { code, stdout } = await runCli(args);
    expect(code).toBe(0);
    const first = stdout.split("\n").slice(0, 2);
    expect(first[0]).toMatch(/^0\.\d{3} {2}.*notes\/deep\/money\.md:5 {2}Invoices$/);
    expect(first[1]).toBe("    Payment is due within thirty days of delivery.");
    const found = JSON.parse((await runCli([...args, "--format", "json"])).stdout) as {
      file: string;
      line: number;
    }[];
    expect(found).toHaveLength(2);
    expect(found[0]).toMatchObject({ file: path.join("deep", "money.md"), line: 5, heading: "Invoices" });
  });

  it("replaces what would command a terminal", async () => {
    const notes = path.join(folder, "escapes");
    mkdirSync(notes);
    writeFileSync(
      path.join(notes, "a\u001B[2Jb\n.md"),
      "# Red \u001B[31m\u009B1m\n\nTab\there \u0007\u001B]0;title\u0007 \u202Eabc\nsecond line\n",
    );
    const { code, stdout } = await runCli(withTinyModel("search", "--folder", notes, "anything"));
    expect(code).toBe(0);
    const [head, ...text] = stdout.split("\n");
    expect(head).toMatch(/a\uFFFD\[2Jb\uFFFD?.*\.md:3 {2}Red \uFFFD\[31m\uFFFD1m$/);
    expect(text).toEqual(["    Tab\there \uFFFD\uFFFD]0;title\uFFFD \uFFFDabc", "    second line", ""]);
  });

  it("reads a heading with very many spaces without standing still", async () => {
    const notes = path.join(folder, "spaces");
    mkdirSync(notes);
    writeFileSync(path.join(notes, "a.md"), `# a${" ".repeat(100_000)}b\n\ntext\n`);
    const { code, stdout } = await runCli(withTinyModel("search", "--folder", notes, "text"));
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n {4}text\n$/);
  });

  it("says when there is nothing to search", async () => {
    const empty = path.join(folder, "empty");
    mkdirSync(empty);
    const { code, stdout } = await runCli(withTinyModel("search", "--folder", empty, "anything"));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `no Markdown or text files with a passage in ${empty}\n`,
    });
  });
});

describe("models", () => {
  it("lists the catalogue and where each model is", async () => {
    const { stdout } = await runCli(["models"]);
    expect(stdout).toMatch(
      /all-MiniLM-L6-v2 +sentence-transformers\/all-MiniLM-L6-v2 +384 +256 +int8 +Apache-2\.0 +\//,
    );
    const entries = JSON.parse((await runCli(["models", "--format", "json"])).stdout) as { folder: string }[];
    expect(entries[0]?.folder).toBe(path.join(root, "models/all-MiniLM-L6-v2"));
  });
});

describe("quantize", () => {
  it("writes a folder that loads, the same bytes each time", async () => {
    const first = path.join(folder, "int8");
    const second = path.join(folder, "int8-again");
    const run = await runCli(["quantize", tinyModel, first]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(
      /matrices, 0\.\d MB -> 0\.\d MB\nsha256 of the source weights: [0-9a-f]{64}\n$/,
    );
    await runCli(["quantize", tinyModel, second]);
    expect(readFileSync(path.join(second, "model.safetensors"))).toEqual(
      readFileSync(path.join(first, "model.safetensors")),
    );
    const similarity = await runCli(["similarity", "--model", first, "the fox", "the fox"]);
    expect(similarity.stdout).toBe("1.0000\n");
  });

  it("refuses a source that is not there", async () => {
    const { code, stderr } = await runCli([
      "quantize",
      path.join(folder, "missing"),
      path.join(folder, "out"),
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^candle-embed: MODEL_NOT_FOUND: [^\n]+\n$/);
  });
});

describe("--pooling", () => {
  const open = copyOfTinyModel(folder, "pooling left open");
  rmSync(path.join(open, "modules.json"));
  rmSync(path.join(open, "1_Pooling"), { recursive: true });
  const target = path.join(folder, "pooled");

  it.each([
    ["embed", "--format", "text", "the fox"],
    ["similarity", "the fox", "the river"],
    ["search", "--folder", path.join(root, "models"), "the fox"],
  ])("loads a folder that leaves its pooling open: %s", async (command, ...args) => {
    const refused = await runCli([command, "--model", open, ...args]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/pooling/) as string });
    const mean = await runCli([command, "--model", open, "--pooling", "mean", ...args]);
    expect(mean).toMatchObject({ code: 0, stderr: "" });
    const cls = await runCli([command, "--model", open, "--pooling", "cls", ...args]);
    expect(cls).toMatchObject({ code: 0, stderr: "" });
    expect(cls.stdout).not.toBe(mean.stdout);
  });

  it("quantises one", async () => {
    expect(await runCli(["quantize", open, target])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/pooling/) as string,
    });
    expect(await runCli(["quantize", "--pooling", "mean", open, target])).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect(readFileSync(path.join(target, "model.safetensors")).length).toBeGreaterThan(1_000);
  });
});

describe("errors", () => {
  it.each([
    [[], 2, /^USAGE: which command\?/],
    [["server"], 2, /^USAGE: no command "server"; there are embed, similarity/],
    [["embed", "--frmat", "json", "x"], 2, /^USAGE: Unknown option '--frmat'$/],
    [
      ["embed", "--format", "xml", "x"],
      2,
      /^USAGE: --format must be one of json, jsonl, npy, text, not "xml"$/,
    ],
    [["embed", "--dimensions", "many", "x"], 2, /^USAGE: --dimensions must be a whole number from 1/],
    [["embed", "--file", "a", "b"], 2, /^USAGE: pass TEXT or --file, not both$/],
    [["embed", "--model"], 2, /^USAGE: Option '-m, --model <value>' argument missing$/],
    [["similarity", "one"], 2, /^USAGE: similarity needs at least two texts$/],
    [["search", "two", "words"], 2, /^USAGE: search needs one question/],
    [["embed", "--pooling", "median", "x"], 2, /^USAGE: --pooling must be one of cls, mean, .*not "median"$/],
    [["quantize", "--pooling", "x", "a", "b"], 2, /^USAGE: --pooling must be one of cls, mean, .*not "x"$/],
    [["quantize", "only-one"], 2, /^USAGE: quantize needs a SOURCE and a TARGET folder$/],
    [["models", "x"], 2, /^USAGE: models takes no arguments$/],
    [["embed", "--model", "no-such-model", "x"], 1, /^MODEL_NOT_FOUND: no model "no-such-model"/],
    [["embed", "--model", "package.json", "x"], 1, /^MODEL_NOT_FOUND: .*that is a file/],
    [["embed", "--device", "gpu", "x"], 1, /^INVALID_INPUT: option "device" must be/],
    [["embed", "--dimensions", "9999", "x"], 1, /^INVALID_INPUT: dimensions must be 1 to 384/],
    [
      ["embed", "--expect-dimensions", "0", "x"],
      2,
      /^USAGE: --expect-dimensions must be a whole number from 1/,
    ],
    [
      ["similarity", "--expect-dimensions", "768", "x", "y"],
      1,
      /^DIMENSION_MISMATCH: .*all-MiniLM-L6-v2 gives vectors of 384 dimensions, not the 768/,
    ],
    [["verify", "a", "b"], 2, /^USAGE: verify takes one MODEL$/],
    [["verify", "no-such-model"], 1, /^MODEL_NOT_FOUND: /],
    [
      withTinyModel("embed", "--file", "missing.txt"),
      1,
      /^ENOENT: no such file or directory, open 'missing\.txt'$/,
    ],
    [withTinyModel("embed", "--output", "/no/such/folder/x", "x"), 1, /^ENOENT: /],
    [withTinyModel("search", "--folder", "missing", "x"), 1, /^INVALID_INPUT: there is no folder missing$/],
  ])("%j: exit code %i and one line", async (args, code, message) => {
    const end = await runCli(args);
    expect({ code: end.code, stdout: end.stdout }).toEqual({ code, stdout: "" });
    const [line, ...rest] = end.stderr.split("\n");
    expect(rest).toEqual([""]);
    expect(line?.replace("candle-embed: ", "")).toMatch(message);
  });
});

import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { commands } from "../../src/cli/command-list.js";
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
    for (const name of commands.keys()) {
      expect(stdout).toContain(`  ${name}`);
      const page = await runCli([name, "--help"]);
      expect(page).toMatchObject({ code: 0, stderr: "" });
      expect(page.stdout).toMatch(
        new RegExp(`^Usage: candle-embed ${name} [\\s\\S]*Examples:\n  .*candle-embed`),
      );
      expect(page.stdout.split("\n").every((line) => line.length <= 120)).toBe(true);
    }
  });

  it("prints a command's page for help COMMAND", async () => {
    const page = await runCli(["help", "embed"]);
    expect(page).toEqual(await runCli(["embed", "--help"]));
    expect(page.stdout).toMatch(/^Usage: candle-embed embed /);
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
    const matrix = JSON.parse((await runCli([...args, "--json"])).stdout) as number[][];
    expect(matrix.map((row) => row.length)).toEqual([3, 3, 3]);
    expect(matrix[0]?.[1]).toBe(matrix[1]?.[0]);
  });
});

describe("models", () => {
  it("lists the catalogue and where each model is", async () => {
    const { stdout } = await runCli(["models"]);
    expect(stdout).toMatch(
      /all-MiniLM-L6-v2 +sentence-transformers\/all-MiniLM-L6-v2 +384 +256 +int8 +Apache-2\.0 +\//,
    );
    const entries = JSON.parse((await runCli(["models", "--json"])).stdout) as { folder: string }[];
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
    const again = await runCli(["quantize", "--json", tinyModel, second]);
    expect(JSON.parse(again.stdout)).toMatchObject({
      target: second,
      matrices: expect.any(Number) as number,
    });
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
    ["search", "the fox", path.join(root, "models")],
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
      /^USAGE: --format must be one of json, jsonl, npy, f32, text, parquet, arrow, lance, not "xml"$/,
    ],
    [["embed", "--dimensions", "many", "x"], 2, /^USAGE: --dimensions must be a whole number from 1/],
    [["embed", "--file", "a", "b"], 2, /^USAGE: pass TEXT or --file, not both$/],
    [["embed", "--model"], 2, /^USAGE: Option '-m, --model <value>' argument missing$/],
    [["similarity", "one"], 2, /^USAGE: similarity needs at least two texts$/],
    [["search"], 2, /^USAGE: search needs a question/],
    [["embed", "--pooling", "median", "x"], 2, /^USAGE: --pooling must be one of cls, mean, .*not "median"$/],
    [["quantize", "--pooling", "x", "a", "b"], 2, /^USAGE: --pooling must be one of cls, mean, .*not "x"$/],
    [["quantize", "only-one"], 2, /^USAGE: quantize needs a SOURCE and a TARGET folder$/],
    [["models", "x"], 2, /^USAGE: models takes no arguments$/],
    [["embed", "--model", "no-such-model", "x"], 1, /^MODEL_NOT_FOUND: no model "no-such-model"/],
    [["embed", "--model", "package.json", "x"], 1, /^MODEL_NOT_FOUND: .*that is a file/],
    [
      ["embed", "--device", "gpu", "x"],
      2,
      /^USAGE: --device must be auto, cpu, .* or cuda:<number>, not "gpu"$/,
    ],
    [["embed", "--threads", "100000", "x"], 2, /^USAGE: --threads must be at most 1024, not 100000$/],
    [["chunk", "-n", "5000", "README.md"], 2, /^USAGE: --tokens must be at most 256, not 5000$/],
    [["search", "--tokens", "5000", "x", "docs"], 2, /^USAGE: --tokens must be at most 256, not 5000$/],
    [["service", "install", "--name", "../x"], 2, /^USAGE: a service's name has small letters/],
    [["similarity", "-5 degrees", "cold"], 2, /^USAGE: Unknown option '-5': put -- before texts and paths/],
    [
      ["embed", "--dimensions", "-5", "x"],
      2,
      /^USAGE: --dimensions needs a value; .* is written --dimensions=-/,
    ],
    [["embed", "-m", "-5", "x"], 2, /^USAGE: -m needs a value; one that begins with - is written -m-/],
    [["help", "embedd"], 2, /^USAGE: no command "embedd"; there are embed/],
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
    [withTinyModel("embed", "--file", "missing.txt"), 1, /^INVALID_INPUT: there is no file missing\.txt$/],
    [
      withTinyModel("embed", "--output", "/no/such/folder/x", "x"),
      1,
      /^INVALID_INPUT: there is no folder \/no\/such\/folder to write x to$/,
    ],
    [["bench"], 2, /^USAGE: bench measures quality, recall, speed, sweep; say which$/],
    [withTinyModel("search", "x", "missing"), 1, /^INVALID_INPUT: there is no file or folder missing$/],
  ])("%j: exit code %i and one line", async (args, code, message) => {
    const end = await runCli(args);
    expect({ code: end.code, stdout: end.stdout }).toEqual({ code, stdout: "" });
    const [line, ...rest] = end.stderr.split("\n");
    expect(rest).toEqual([""]);
    expect(line?.replace("candle-embed: ", "")).toMatch(message);
  });
});

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { finished } from "../native/support.js";
import { runCli, temporaryFolder, tinyModel, withTinyModel, root } from "./support.js";

const folder = temporaryFolder();

/** util-linux's `script` gives a command a terminal. */
function hasScript(): boolean {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}

/** Runs a shell line in which `cli` is the command line, on a terminal of so many columns. */
async function onTerminal(line: string, columns = 80): Promise<string> {
  const cli = `cli() { "${process.execPath}" "${path.join(root, "dist/cli/main.js")}" "$@"; }`;
  const command = `stty cols ${String(columns)}; ${cli}; ${line}`;
  const child = spawn("script", ["-qec", `bash -c '${command}'`, "/dev/null"], { cwd: folder });
  return (await finished(child)).stdout;
}

describe.skipIf(!hasScript())("on a terminal", () => {
  it("search and index tell how far they have come", async () => {
    const documents = path.join(folder, "documents");
    mkdirSync(documents);
    for (let i = 0; i < 300; i++) {
      const text = Array.from(
        { length: 8 },
        (_, j) => `# ${String(i)} ${String(j)}\n\n${"word ".repeat(60)}\n`,
      );
      writeFileSync(path.join(documents, `${String(i)}.md`), text.join("\n"));
    }
    const model = `--model ${tinyModel}`;
    for (const line of [
      `cli search ${model} word documents`,
      `cli index ${model} -i terminal.index documents`,
    ]) {
      const shown = [
        ...(await onTerminal(line)).matchAll(/\r([\d,]+) documents? read, ([\d,]+) passages? embedded/g),
      ];
      const embedded = shown.map(([, , passages = ""]) => Number(passages.replace(",", "")));
      expect(embedded[0]).toBe(0);
    }
  });

  it("embed's lines fit, however narrow it is", async () => {
    writeFileSync(path.join(folder, "texts.txt"), "a\n".repeat(3));
    const shown = await onTerminal(`cli embed --model ${tinyModel} --file texts.txt -o narrow.jsonl`, 30);
    // What was written over and cleared is not on the line any more.
    const cleared = "\u001B[K";
    const lines = shown.split(/\r?\n/).map((line) => line.split(cleared).at(-1) ?? "");
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.every((line) => line.length < 30)).toBe(true);
  });
});

it("a run says that it waits for another one with the same output", async () => {
  const output = path.join(folder, "locked.jsonl");
  writeFileSync(`${output}.lock`, `1 another-machine\n`);
  const end = await runCli(withTinyModel("embed", "the fox", "-o", output));
  expect(end).toMatchObject({ code: 0, stdout: "" });
  expect(end.stderr).toBe(
    `candle-embed: waiting for another run that writes to ${output} (${output}.lock)\n`,
  );
});

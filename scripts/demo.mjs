// npm run demo [-- FOLDER [QUESTION]]: embeds the paragraphs of the Markdown files of a folder (this repository's by
// default) with the model that comes along, answers a question by similarity, and says how long each part took.
import path from "node:path";

import { root, setUp } from "./setup.mjs";

setUp();

// Only now: before the set-up there was nothing to import.
const { NativeBackend, topK } = await import("candle-embed");
const { passageText, readPassages } = await import("../dist/utils/read-passages.js");

const [folderArgument, question = "How many threads does the engine use?"] = process.argv.slice(2);
// npm runs scripts in the repository's root; the folder is meant relative to where the user stands.
const folder =
  folderArgument === undefined ? root : path.resolve(process.env.INIT_CWD ?? process.cwd(), folderArgument);

async function timed(work) {
  const start = performance.now();
  const value = await work();
  return [value, performance.now() - start];
}

function rate(count, milliseconds) {
  return Math.round((count / milliseconds) * 1000).toLocaleString("en-US");
}

const passages = [];
for await (const passage of readPassages(folder)) passages.push(passage);
if (passages.length === 0) {
  console.error(`no Markdown or text files with a paragraph in ${folder}`);
  process.exit(1);
}

const [backend, loadTime] = await timed(() => NativeBackend.load());
const [documents, embedTime] = await timed(() => backend.embedDocuments(passages.map(passageText)));
const [query, queryTime] = await timed(() => backend.embedQuery(question));
const [hits, searchTime] = await timed(() => topK(query, documents, 5));
await backend.dispose();

const files = new Set(passages.map(({ file }) => file)).size;
const tokens = documents.tokens.reduce((sum, count) => sum + count, 0);
console.log(`
model     ${backend.modelId}: ${backend.dimensions} dimensions, ${backend.dtype} on ${backend.device} with ${backend.threads} threads
folder    ${folder}: ${passages.length} passages in ${files} files, ${tokens.toLocaleString("en-US")} tokens
load      ${loadTime.toFixed(0)} ms
embed     ${embedTime.toFixed(0)} ms: ${rate(passages.length, embedTime)} passages/s, ${rate(tokens, embedTime)} tokens/s
query     ${queryTime.toFixed(1)} ms to embed, ${searchTime.toFixed(1)} ms to search

${question}
`);
for (const { index, score } of hits) {
  const { file, line, heading, text } = passages[index];
  console.log(`${score.toFixed(3)}  ${file}:${line}${heading === "" ? "" : `  ${heading}`}`);
  console.log(`${text.replace(/^/gm, "       ")}\n`);
}

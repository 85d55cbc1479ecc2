// npm run demo [-- FOLDER [QUESTION]]: embeds the passages of the documents of a folder (this repository's by
// default) with the model that comes along, answers a question by similarity, and says how long each part took.
import path from "node:path";

import { root, setUp } from "./setup.mjs";

setUp();

// Only now: before the set-up there was nothing to import.
const { NativeBackend, topK } = await import("candle-embed");
const { readDocuments } = await import("../dist/cli/read-documents.js");
const { defaultPassageTokens, passageInput, toPassages } = await import("../dist/retrieval/passage.js");

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

const [backend, loadTime] = await timed(() => NativeBackend.load());
const { signal } = new AbortController();
const passages = [];
const [, readTime] = await timed(async () => {
  for await (const { file, text, format } of readDocuments([folder], { signal })) {
    const document = { name: path.relative(folder, file), text, format };
    for await (const passage of toPassages(document, backend, defaultPassageTokens, signal))
      passages.push(passage);
  }
});
if (passages.length === 0) {
  console.error(`no documents with a passage in ${folder}`);
  process.exit(1);
}
const [documents, embedTime] = await timed(() => backend.embedDocuments(passages.map(passageInput)));
const [query, queryTime] = await timed(() => backend.embedQuery(question));
const [hits, searchTime] = await timed(() => topK(query, documents, 5));
await backend.dispose();

const files = new Set(passages.map(({ name }) => name)).size;
const tokens = documents.tokens.reduce((sum, count) => sum + count, 0);
console.log(`
model     ${backend.modelId}: ${backend.dimensions} dimensions, ${backend.dtype} on ${backend.device} with ${backend.threads} threads
folder    ${folder}: ${passages.length} passages in ${files} files, ${tokens.toLocaleString("en-US")} tokens
load      ${loadTime.toFixed(0)} ms
read      ${readTime.toFixed(0)} ms, cut into passages of at most ${defaultPassageTokens} tokens
embed     ${embedTime.toFixed(0)} ms: ${rate(passages.length, embedTime)} passages/s, ${rate(tokens, embedTime)} tokens/s
query     ${queryTime.toFixed(1)} ms to embed, ${searchTime.toFixed(1)} ms to search

${question}
`);
for (const { index, score } of hits) {
  const { name, line, heading, text } = passages[index];
  console.log(`${score.toFixed(3)}  ${name}:${line}${heading === "" ? "" : `  ${heading}`}`);
  console.log(`${text.replace(/^/gm, "       ")}\n`);
}

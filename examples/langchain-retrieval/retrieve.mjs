// node retrieve.mjs DOCUMENTS_FOLDER QUESTION
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { MemoryVectorStore } from "@langchain/classic/vectorstores/memory";
import { Document } from "@langchain/core/documents";
import { PromptTemplate } from "@langchain/core/prompts";
import { RecursiveCharacterTextSplitter } from "@langchain/textsplitters";
import { CandleEmbeddings } from "candle-embed/langchain";

const [folder, question] = process.argv.slice(2);
if (question === undefined) {
  console.error("usage: node retrieve.mjs DOCUMENTS_FOLDER QUESTION");
  process.exit(2);
}

const documents = [];
for (const source of await readdir(folder, { recursive: true })) {
  if (!source.endsWith(".md")) continue;
  const pageContent = await readFile(path.join(folder, source), "utf8");
  documents.push(new Document({ pageContent, metadata: { source } }));
}
if (documents.length === 0) {
  console.error(`there is no Markdown in ${folder}`);
  process.exit(1);
}
// About 150 tokens; the model that comes along reads 256.
const splitter = RecursiveCharacterTextSplitter.fromLanguage("markdown", {
  chunkSize: 600,
  chunkOverlap: 60,
});
const passages = await splitter.splitDocuments(documents);

const embeddings = new CandleEmbeddings();
const store = await MemoryVectorStore.fromDocuments(passages, embeddings);
const found = await store.asRetriever({ k: 3 }).invoke(question);
await embeddings.dispose();

const prompt = PromptTemplate.fromTemplate(
  "Answer the question from these passages, and name their files.\n\n{context}\n\nQuestion: {question}",
);
const context = found.map(({ pageContent, metadata }) => `[${metadata.source}]\n${pageContent}`).join("\n\n");
console.log(await prompt.format({ context, question }));

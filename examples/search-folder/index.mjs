// node index.mjs TABLE_FOLDER DOCUMENTS_FOLDER
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { connect } from "@lancedb/lancedb";
import { LanceSchema } from "@lancedb/lancedb/embedding";
import { Int32, Utf8 } from "apache-arrow";
import { NativeBackend } from "candle-embed";
import { chunkText } from "candle-embed/chunking";
import { CandleEmbeddingFunction } from "candle-embed/lancedb";

const [target, folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node index.mjs TABLE_FOLDER DOCUMENTS_FOLDER");
  process.exit(2);
}

const model = await NativeBackend.load();
const embed = await CandleEmbeddingFunction.create();

const rows = [];
for (const file of await readdir(folder, { recursive: true })) {
  if (!file.endsWith(".md")) continue;
  const document = await readFile(path.join(folder, file), "utf8");
  for await (const { text, line, heading } of chunkText(model, document, {
    format: "markdown",
    tokens: 128,
  })) {
    rows.push({ file, line, heading, text });
  }
}
if (rows.length === 0) {
  console.error(`there is no Markdown in ${folder}`);
  process.exit(1);
}

const schema = LanceSchema({
  file: new Utf8(),
  line: new Int32(),
  heading: new Utf8(),
  text: embed.sourceField(new Utf8()),
  vector: embed.vectorField(),
});
const database = await connect(target);
const table = await database.createTable("passages", rows, { schema, mode: "overwrite" });
console.log(`${await table.countRows()} passages`);

await embed.dispose();
await model.dispose();

// node search.mjs TABLE_FOLDER QUESTION
import { connect } from "@lancedb/lancedb";
// Registers the embedding function that the table names.
import "candle-embed/lancedb";

const [target, question] = process.argv.slice(2);
if (question === undefined) {
  console.error("usage: node search.mjs TABLE_FOLDER QUESTION");
  process.exit(2);
}

const database = await connect(target);
const table = await database.openTable("passages");
const query = await table.search(question);
for (const { file, line, heading, text, _distance } of await query
  .distanceType("cosine")
  .limit(3)
  .toArray()) {
  console.log(`${(1 - _distance).toFixed(2)}  ${file}:${line}  ${heading}`);
  console.log(text.replace(/^/gm, "      "));
}

// node search.mjs QUESTION
import { NativeBackend } from "candle-embed";
import { toPgVector } from "candle-embed/vector-stores";
import pg from "pg";

import { checkSpace } from "./space.mjs";

const [question] = process.argv.slice(2);
if (question === undefined) {
  console.error("usage: node search.mjs QUESTION");
  process.exit(2);
}

const model = await NativeBackend.load();
const client = new pg.Client();
await client.connect();
try {
  await checkSpace(client, model);
  const { rows } = await client.query(
    "SELECT text, 1 - (embedding <=> $1) AS score FROM passages ORDER BY embedding <=> $1 LIMIT 3",
    [toPgVector(await model.embedQuery(question))],
  );
  for (const { text, score } of rows) console.log(score.toFixed(2), text);
} finally {
  await client.end();
  await model.dispose();
}

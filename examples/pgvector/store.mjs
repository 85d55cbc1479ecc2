// node store.mjs FILE
import { readFile } from "node:fs/promises";

import { NativeBackend } from "candle-embed";
import { toPgVector } from "candle-embed/vector-stores";
import pg from "pg";

import { checkSpace } from "./space.mjs";

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node store.mjs FILE (a passage a line)");
  process.exit(2);
}
const passages = (await readFile(file, "utf8")).split("\n").filter(Boolean);

const model = await NativeBackend.load();
const client = new pg.Client();
await client.connect();
try {
  await client.query("CREATE EXTENSION IF NOT EXISTS vector");
  await client.query("BEGIN");
  const { rows } = await client.query("SELECT to_regclass('passages') AS found");
  if (rows[0].found === null) {
    await client.query(`CREATE TABLE passages (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      text text NOT NULL UNIQUE,
      embedding vector(${model.dimensions}) NOT NULL
    )`);
    await client.query(`COMMENT ON TABLE passages IS '${model.space.id}'`);
  }
  await checkSpace(client, model);
  // A thousand at a time: a statement's parameters are held in memory on both sides.
  for (let start = 0; start < passages.length; start += 1000) {
    const part = passages.slice(start, start + 1000);
    const vectors = await model.embedDocuments(part);
    await client.query(
      "INSERT INTO passages (text, embedding) SELECT * FROM unnest($1::text[], $2::vector[]) ON CONFLICT DO NOTHING",
      [part, part.map((_, i) => toPgVector(vectors.at(i)))],
    );
  }
  await client.query("COMMIT");
  const count = await client.query("SELECT count(*) FROM passages");
  console.log(`${count.rows[0].count} passages`);
} finally {
  await client.end();
  await model.dispose();
}

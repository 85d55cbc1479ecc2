import { CandleEmbedError } from "candle-embed";

/** Whose vectors the table holds is written in its comment. */
export async function checkSpace(client, backend) {
  const { rows } = await client.query("SELECT obj_description('passages'::regclass) AS space");
  if (rows[0].space === backend.space.id) return;
  throw new CandleEmbedError(
    "SPACE_MISMATCH",
    `the table "passages" was not made with ${backend.modelId}; take its model, or drop the table`,
  );
}

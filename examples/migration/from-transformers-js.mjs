// node from-transformers-js.mjs [FOLDER]   where models are, instead of the hub: FOLDER/Xenova/all-MiniLM-L6-v2
import { env, pipeline as oldPipeline } from "@huggingface/transformers";
import { pipeline } from "candle-embed/transformers";

import { compare, texts } from "./texts.mjs";

const [folder] = process.argv.slice(2);
if (folder !== undefined) {
  env.localModelPath = folder;
  env.allowRemoteModels = false;
}
const options = { pooling: "mean", normalize: true };

const before = await oldPipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2", { dtype: "fp32" });
const after = await pipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2");

// transformers.js cuts at 512 tokens, the model's own limit is 256: none of the texts is as long.
const rows = async (extract) => (await extract(texts, options)).tolist();
compare(
  await rows(before),
  (await rows(after)).map((row) => Float32Array.from(row)),
);

await before.dispose();
await after.dispose();

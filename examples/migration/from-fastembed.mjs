// node from-fastembed.mjs [ONNX_FOLDER MODEL]   without arguments bge-small-en-v1.5, which both fetch
import { NativeBackend } from "candle-embed";
import { EmbeddingModel, FlagEmbedding } from "fastembed";

import { compare, texts } from "./texts.mjs";

const [folder, name = "bge-small-en-v1.5"] = process.argv.slice(2);

const before = await FlagEmbedding.init(
  folder === undefined
    ? { model: EmbeddingModel.BGESmallENV15 }
    : { model: EmbeddingModel.CUSTOM, modelAbsoluteDirPath: folder, modelName: "model.onnx" },
);
const after = await NativeBackend.load(name);

async function oldVectors(batches) {
  const vectors = [];
  for await (const batch of batches) vectors.push(...batch);
  return vectors;
}

compare(await oldVectors(before.embed(texts)), [...(await after.embed(texts, { prompt: "" }))]);
// An index that was made with passageEmbed goes on with the prefix that it was made with.
compare(await oldVectors(before.passageEmbed(texts)), [
  ...(await after.embed(texts, { prompt: "passage: " })),
]);

await after.dispose();

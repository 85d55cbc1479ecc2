import { CandleEmbedError } from "../errors.js";
import { loadModel, type NativeEmbedder, type NativeLoadOptions } from "../native.js";
import type { LocatedModel } from "./locate-model.js";

/** Loads a model that is on this machine, and frees it again unless its weights are what they should be. */
export async function openModel(model: LocatedModel, options: NativeLoadOptions): Promise<NativeEmbedder> {
  const { folder, matryoshkaDimensions } = model;
  const embedder = await loadModel(folder, {
    ...options,
    ...(matryoshkaDimensions && { matryoshkaDimensions: [...matryoshkaDimensions] }),
  });
  try {
    checkWeights(model, embedder);
    return embedder;
  } catch (error) {
    embedder.dispose();
    throw error;
  }
}

/** The engine hashes the weights while it reads them, so that a file that went bad in the cache costs nothing to find. */
function checkWeights({ folder, modelId, weightsSha256 }: LocatedModel, { info }: NativeEmbedder): void {
  if (weightsSha256 === undefined || weightsSha256 === info.weightsSha256) return;
  throw new CandleEmbedError(
    "CHECKSUM_MISMATCH",
    `the weights of ${modelId} in ${folder} are not what they should be: their SHA-256 is ${info.weightsSha256}, not ` +
      `${weightsSha256}. "candle-embed pull ${modelId}" fetches them again`,
  );
}

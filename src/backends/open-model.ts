import type { EngineLoadOptions } from "../engine.js";
import { loadModel, type AddonName, type NativeEmbedder } from "../native.js";
import { checkWeights } from "./check-model.js";
import type { LocatedModel } from "./locate-model.js";

/** Loads a model that is on this machine, and frees it again unless its weights are what they should be. */
export async function openModel(
  model: LocatedModel,
  options: EngineLoadOptions,
  addon?: AddonName,
): Promise<NativeEmbedder> {
  const { folder, modelId, matryoshkaDimensions, weightsSha256 } = model;
  const engineOptions = {
    ...options,
    ...(weightsSha256 !== undefined && { hashFiles: true }),
    ...(matryoshkaDimensions && { matryoshkaDimensions: [...matryoshkaDimensions] }),
  };
  const embedder = await loadModel(folder, engineOptions, addon);
  try {
    checkWeights(
      `${modelId} in ${folder}`,
      embedder.info,
      weightsSha256,
      `"candle-embed pull ${modelId}" fetches them again`,
    );
    return embedder;
  } catch (error) {
    embedder.dispose();
    throw error;
  }
}

import type { NativeOptions } from "./native-options.js";
import { resolveModel, type LocalModel } from "./resolve-model.js";

/** A model that is on this machine now. */
export interface LocatedModel extends LocalModel {
  /** What the hash of its weights must be, where that is known. */
  readonly weightsSha256?: string | undefined;
}

/** Finds a model and, where it is one of the hub, makes sure that the cache has it. */
export async function locateModel(model: string | URL, options: NativeOptions): Promise<LocatedModel> {
  const found = resolveModel(model, options);
  if ("folder" in found) return found;
  // Loaded when a hub is asked: HTTP, TLS and the cache take 14 ms of the 120 that a process with the embedded model
  // needs to its first vector.
  const { fetchModel, hubSettings } = await import("../hub/index.js");
  const { repository: modelId, pins, matryoshkaDimensions } = found;
  const { signal, onProgress } = options;
  const { folder, revision, weightsSha256 } = await fetchModel({
    repository: modelId,
    revision: found.revision,
    pins,
    settings: hubSettings(options),
    signal,
    onProgress: onProgress && ((download) => onProgress({ stage: "download", modelId, download })),
  });
  return {
    folder,
    modelId,
    revision,
    weightsSha256,
    matryoshkaDimensions,
  };
}

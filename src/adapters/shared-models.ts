import { defaultModel } from "../catalog.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import type { SharedLoadOptions } from "./adapter-options.js";

interface SharedModel {
  readonly backend: Promise<EmbeddingBackend>;
  users: number;
}

/** One share in a loaded model. */
export interface ModelShare {
  readonly backend: Promise<EmbeddingBackend>;
  /** Gives the share back; the last one disposes the model. To be called once. */
  release(): Promise<void>;
}

/**
 * By model and options of its load. Vector stores make a new adapter from their stored configuration for every table they
 * open, LanceDB even for every query: each would load the model again.
 */
const models = new Map<string, SharedModel>();

/** A share in the model, which is loaded unless it is there. A load that failed is tried again by the next call. */
export function shareModel(model: string | undefined, load: SharedLoadOptions = {}): ModelShare {
  const name = model ?? defaultModel;
  const set = Object.entries(load).filter(([, value]) => value !== undefined);
  const key = JSON.stringify([name, set.sort(([a], [b]) => (a < b ? -1 : 1))]);
  const shared = models.get(key) ?? { backend: loadModel(name, load), users: 0 };
  models.set(key, shared);
  shared.users++;
  const forget = (): void => {
    if (models.get(key) === shared) models.delete(key);
  };
  shared.backend.catch(forget);
  return {
    backend: shared.backend,
    async release() {
      shared.users--;
      if (shared.users > 0) return;
      forget();
      await shared.backend.then(
        (backend) => backend.dispose(),
        // Whoever waited for the load has heard of it.
        () => undefined,
      );
    },
  };
}

async function loadModel(name: string, load: SharedLoadOptions): Promise<EmbeddingBackend> {
  // Loaded when it is needed: an adapter over an API needs no addon.
  const { NativeBackend } = await import("../backends/native-backend.js");
  return NativeBackend.load(name, load);
}

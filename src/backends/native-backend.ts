import { defaultModel } from "../catalog.js";
import { chooseDevice, openOnDevice } from "../gpu/choose-device.js";
import type { NativeEmbedder } from "../native.js";
import { Cancellation } from "../utils/cancellation.js";
import { FifoGate } from "../utils/fifo-gate.js";
import { checkDimensions } from "./check-model.js";
import { LocalBackend } from "./local-backend.js";
import { locateModel, type LocatedModel } from "./locate-model.js";
import { toEngineLoadOptions, type NativeOptions } from "./native-options.js";

/**
 * One load at a time. Not the gate of the steps: a load would wait its turn there, and hold up every model meanwhile. So
 * of the libuv pool, which file system and DNS calls share, one thread is taken by steps and at most one by a load.
 */
const loads = new FifoGate();

/**
 * A model that runs in this process.
 *
 * ```ts
 * const backend = await NativeBackend.load();
 * const { data, count, dimensions } = await backend.embed(["a text", "another"]);
 * ```
 *
 * Calls may overlap: a model answers them one after another in the order they were made, and the models of a thread take
 * turns. An idle backend keeps no process alive. A backend belongs to the thread that loaded it; other workers load
 * their own.
 */
export class NativeBackend extends LocalBackend {
  private constructor(embedder: NativeEmbedder, { modelId, revision }: LocatedModel) {
    super(embedder, { modelId, revision, name: "native" });
  }

  /**
   * Loads a model, off the event loop. A model of the hub that is not in the cache is downloaded first, while other models
   * load and work.
   *
   * @param model A catalogue name or hub id (`org/name`), a folder in the sentence-transformers layout, or its `file:`
   * URL. Default: the all-MiniLM-L6-v2 that is installed with this package.
   * @throws CandleEmbedError `MODEL_NOT_FOUND`, `MODEL_INVALID`, `UNSUPPORTED_ARCHITECTURE`, `DEVICE_UNAVAILABLE`,
   * `INVALID_INPUT` for a wrong option, `DIMENSION_MISMATCH` (see `expectedDimensions`), `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `OFFLINE`, `ABORTED`.
   */
  static async load(model: string | URL = defaultModel, options: NativeOptions = {}): Promise<NativeBackend> {
    const engineOptions = toEngineLoadOptions(options);
    const { signal, onProgress } = options;
    const cancellation = new Cancellation(signal);
    try {
      cancellation.throwIfCancelled();
      const located = await locateModel(model, options);
      const choice = await chooseDevice(located, engineOptions, cancellation);
      return await loads.run(cancellation, async () => {
        const { modelId } = located;
        onProgress?.({ stage: "load", modelId });
        const embedder = await openOnDevice(located, choice);
        try {
          cancellation.throwIfCancelled();
          checkDimensions(modelId, embedder.info, options.expectedDimensions);
          onProgress?.({ stage: "ready", modelId });
          return new NativeBackend(embedder, located);
        } catch (error) {
          embedder.dispose();
          throw error;
        }
      });
    } finally {
      cancellation.close();
    }
  }
}

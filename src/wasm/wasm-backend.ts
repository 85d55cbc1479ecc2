import { describe, invalid } from "../backends/check-options.js";
import { checkDimensions, checkWeights } from "../backends/check-model.js";
import { LocalBackend, type LocalBackendInit } from "../backends/local-backend.js";
import { defaultModel, findInCatalog } from "../catalog.js";
import { CandleEmbedError } from "../errors.js";
import { Cancellation } from "../utils/cancellation.js";
import { FifoGate } from "../utils/fifo-gate.js";
import { FilesSource, type ModelFiles } from "./files-source.js";
import { HubSource } from "./hub-source.js";
import type { ModelSource } from "./model-source.js";
import type { Platform } from "./platform.js";
import { RemoteEmbedder } from "./remote-embedder.js";
import { toModuleLoadOptions, type WasmOptions } from "./wasm-options.js";

let platform: Platform | undefined;

/** Called by the package's entries: the one for browsers, and the one for Node, Bun and Deno. */
export function usePlatform(chosen: Platform): void {
  platform = chosen;
}

/**
 * A model that runs as WebAssembly, in a worker of its own: in browsers, and wherever there is no native addon.
 *
 * ```ts
 * const backend = await WasmBackend.load("/models/all-MiniLM-L6-v2/");
 * const { data, count, dimensions } = await backend.embed(["a text", "another"]);
 * ```
 *
 * The engine is that of `NativeBackend` on one thread with 128-bit vectors; float32 vectors are the same to 1e-6. Each
 * backend has its own worker and memory, which `dispose` gives back. An idle backend keeps no process alive.
 */
export class WasmBackend extends LocalBackend {
  private constructor(embedder: RemoteEmbedder, init: LocalBackendInit) {
    super(embedder, init);
  }

  /**
   * Loads a model in a new worker.
   *
   * @param model The address of a folder in the sentence-transformers layout (`"/models/minilm/"`, `"./models/minilm"`, a
   * `URL`; in Node, Bun and Deno `file:` too), the folder's files as bytes, a catalogue name or a hub id (`org/name`).
   * Default: all-MiniLM-L6-v2, from its npm package where that is installed, in browsers float32 from the hub.
   * @throws CandleEmbedError as `NativeBackend.load`.
   */
  static async load(
    model: string | URL | ModelFiles = defaultModel,
    options: WasmOptions = {},
  ): Promise<WasmBackend> {
    const moduleOptions = toModuleLoadOptions(options);
    if (platform === undefined) throw new CandleEmbedError("INTERNAL", "import the package by its name");
    const { signal, onProgress } = options;
    const cancellation = new Cancellation(signal);
    try {
      cancellation.throwIfCancelled();
      const source = findSource(platform, model, options);
      const modelId = options.modelId ?? source.modelId;
      const { files, revision } = await source.read({
        signal,
        onDownload: onProgress && ((download) => onProgress({ stage: "download", modelId, download })),
      });
      cancellation.throwIfCancelled();
      onProgress?.({ stage: "load", modelId });
      const { matryoshkaDimensions, weightsSha256 } = source;
      const embedder = await RemoteEmbedder.load(
        platform,
        files,
        {
          ...moduleOptions,
          ...(weightsSha256 !== undefined && { hashFiles: true }),
          ...(matryoshkaDimensions && { matryoshkaDimensions }),
        },
        signal,
      );
      try {
        cancellation.throwIfCancelled();
        checkWeights(modelId, embedder.info, weightsSha256, "Clear the site's data and load it again");
        checkDimensions(modelId, embedder.info, options.expectedDimensions);
        onProgress?.({ stage: "ready", modelId });
        return new WasmBackend(embedder, { modelId, revision, name: "wasm", steps: new FifoGate() });
      } catch (error) {
        embedder.dispose();
        throw error;
      }
    } catch (error) {
      // The reason behind an abort that the network or the worker told.
      cancellation.throwIfCancelled();
      throw error;
    } finally {
      cancellation.close();
    }
  }
}

function findSource(on: Platform, model: string | URL | ModelFiles, options: WasmOptions): ModelSource {
  if (typeof model === "object" && model !== null && !(model instanceof URL)) return new FilesSource(model);
  if (typeof model !== "string" && !(model instanceof URL)) {
    throw invalid(`model must be a name, an address or files, not ${describe(model)}`);
  }
  const folder = on.folder(model);
  if (folder !== undefined) return folder;
  const name = String(model);
  const entry = findInCatalog(name);
  if (entry?.packageName !== undefined && options.dtype !== "float32" && options.revision === undefined) {
    const installed = on.packageFolder(entry.packageName, entry);
    if (installed !== undefined) return installed;
  }
  const hub = HubSource.find(name, options);
  if (hub !== undefined) return hub;
  throw new CandleEmbedError(
    "MODEL_NOT_FOUND",
    `no model ${describe(name)}: pass the address of a folder ("/models/minilm/", "./minilm", a URL), the id of a model ` +
      'on the hub ("BAAI/bge-small-en-v1.5") or a name of the catalogue',
  );
}

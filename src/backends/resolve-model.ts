import { statSync, type Stats } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { findInCatalog, type CatalogEntry } from "../catalog.js";
import { CandleEmbedError } from "../errors.js";
import { isRepository } from "../hub/names.js";
import { describe, invalid } from "./check-options.js";
import type { Dtype } from "./native-options.js";

/** A model on this machine, and what to call it. */
export interface LocalModel {
  /** Absolute path. */
  readonly folder: string;
  readonly modelId: string;
  /** The catalogue's revision; a folder's is the hash of its weights, known once they are read. */
  readonly revision: string | undefined;
  /** What the catalogue says of it; a folder is not looked up by its name. */
  readonly matryoshkaDimensions?: readonly number[] | undefined;
}

/** A model that a hub has. */
export interface HubModel {
  readonly repository: string;
  /** `undefined` for the hub's branch `main`. */
  readonly revision: string | undefined;
  /** SHA-256 sums by file name, where the catalogue has them for this revision. */
  readonly pins: Readonly<Record<string, string>>;
  /** What the catalogue says of it. */
  readonly matryoshkaDimensions?: readonly number[] | undefined;
}

/** What of the options decides which model it is. */
interface Wanted {
  readonly dtype?: Dtype | undefined;
  readonly revision?: string | undefined;
}

/**
 * Finds a model: a catalogue name first, then a folder, then a hub id.
 *
 * @throws CandleEmbedError `MODEL_NOT_FOUND`, saying what could have been passed.
 */
export function resolveModel(model: string | URL, wanted: Wanted = {}): LocalModel | HubModel {
  if (typeof model !== "string" && !(model instanceof URL)) {
    throw invalid(`model must be a name, a folder or a file: URL, not ${describe(model)}`);
  }
  const entry = typeof model === "string" ? findInCatalog(model) : undefined;
  if (entry !== undefined) return resolveEntry(entry, wanted);
  const folder = toPath(model);
  const stats = statFolder(model, folder);
  if (stats?.isDirectory() === true) {
    if (wanted.revision !== undefined)
      throw invalid(`revision is for models of a hub, and ${folder} is a folder`);
    return { folder, modelId: path.basename(folder), revision: undefined };
  }
  if (stats !== undefined) throw notFound(model, "that is a file; pass the folder it is in");
  const hubModel = typeof model === "string" ? findHubModel(model, wanted.revision) : undefined;
  if (hubModel === undefined) throw notFound(model, "there is no such folder");
  return hubModel;
}

/**
 * The package holds int8 weights. Asked for float32, they would be widened and stay what int8 made of them, so the exact
 * ones come from the hub.
 */
function resolveEntry(entry: CatalogEntry, { dtype, revision }: Wanted): LocalModel | HubModel {
  const sameRevision = revision === undefined || revision === entry.revision;
  if (entry.packageName !== undefined && sameRevision && dtype !== "float32") {
    const { modelId, matryoshkaDimensions } = entry;
    return { folder: packageFolder(entry), modelId, revision: entry.revision, matryoshkaDimensions };
  }
  return toHubModel(entry, revision);
}

/** A model by catalogue name or hub id as a hub has it; `undefined` for what is neither. */
export function findHubModel(name: string, revision?: string): HubModel | undefined {
  const entry = findInCatalog(name);
  if (entry !== undefined) return toHubModel(entry, revision);
  return isRepository(name) ? { repository: name, revision, pins: {} } : undefined;
}

function toHubModel(entry: CatalogEntry, revision: string | undefined): HubModel {
  const sameRevision = revision === undefined || revision === entry.revision;
  return {
    repository: entry.modelId,
    revision: revision ?? entry.revision,
    pins: sameRevision ? entry.sha256 : {},
    matryoshkaDimensions: entry.matryoshkaDimensions,
  };
}

function statFolder(model: string | URL, folder: string): Stats | undefined {
  try {
    return statSync(folder, { throwIfNoEntry: false });
  } catch (cause) {
    throw notFound(model, `it cannot be read (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`, cause);
  }
}

/**
 * The npm packages with models. Their names stand in the code: tools that copy what a program needs (Next's standalone output,
 * Vercel) follow them to the package's index.js, which names the model's files.
 */
const packages: Readonly<Record<string, () => string>> = {
  "@candle-embed/all-minilm-l6-v2": () => require.resolve("@candle-embed/all-minilm-l6-v2"),
};

/** The folder of the npm package a catalogue model comes in; `undefined` when there is none, or it is not installed. */
export function findPackageFolder({ packageName }: CatalogEntry): string | undefined {
  const find = packageName === undefined ? undefined : packages[packageName];
  if (find === undefined) return undefined;
  try {
    return unpacked(path.dirname(find()));
  } catch {
    return undefined;
  }
}

/**
 * Electron shows files of an archive (`app.asar`) to JavaScript as if they lay in a folder of that name. The engine, which is
 * none, needs them where `asarUnpack` puts them: beside the archive.
 */
export function unpacked(folder: string, isElectron = process.versions["electron"] !== undefined): string {
  return isElectron ? folder.replace(/\.asar(?=[/\\])/g, ".asar.unpacked") : folder;
}

function packageFolder(entry: CatalogEntry): string {
  const folder = findPackageFolder(entry);
  if (folder === undefined) {
    throw new CandleEmbedError(
      "MODEL_NOT_FOUND",
      `${entry.name} comes in the package ${String(entry.packageName)}, which is not installed: ` +
        `npm install ${String(entry.packageName)}`,
    );
  }
  return folder;
}

function toPath(model: string | URL): string {
  if (typeof model === "string" && !model.startsWith("file:")) {
    if (model === "" || model.includes("\0")) throw notFound(model, "that is not a path");
    return path.resolve(model);
  }
  try {
    return fileURLToPath(model);
  } catch (cause) {
    throw notFound(String(model), "only file: URLs name a folder", cause);
  }
}

function notFound(model: string | URL, reason: string, cause?: unknown): CandleEmbedError {
  return new CandleEmbedError(
    "MODEL_NOT_FOUND",
    `no model ${describe(String(model))}: ${reason}. Pass a folder in the sentence-transformers layout, the id of a ` +
      'model on the hub ("BAAI/bge-small-en-v1.5"), or a name that "candle-embed models" lists',
    cause === undefined ? {} : { cause },
  );
}

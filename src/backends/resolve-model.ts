import { statSync, type Stats } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { catalog, findInCatalog, type CatalogEntry } from "../catalog.js";
import { CandleEmbedError } from "../errors.js";
import { describe, invalid } from "./check-options.js";

/** Where a model is and what to call it. */
export interface ResolvedModel {
  /** Absolute path. */
  readonly folder: string;
  readonly modelId: string;
  /** The catalogue's revision; a folder's is the hash of its weights, known once they are read. */
  readonly revision: string | undefined;
}

/**
 * Finds a model: a catalogue name or hub id first, then a folder.
 *
 * @throws CandleEmbedError `MODEL_NOT_FOUND`, saying what could have been passed.
 */
export function resolveModel(model: string | URL): ResolvedModel {
  if (typeof model !== "string" && !(model instanceof URL)) {
    throw invalid(`model must be a name, a folder or a file: URL, not ${describe(model)}`);
  }
  const entry = typeof model === "string" ? findInCatalog(model) : undefined;
  if (entry !== undefined) {
    return { folder: packageFolder(entry), modelId: entry.modelId, revision: entry.revision };
  }
  const folder = toPath(model);
  const stats = statFolder(model, folder);
  if (stats === undefined) throw notFound(model, "there is no such folder");
  if (!stats.isDirectory()) throw notFound(model, "that is a file; pass the folder it is in");
  return { folder, modelId: path.basename(folder), revision: undefined };
}

function statFolder(model: string | URL, folder: string): Stats | undefined {
  try {
    return statSync(folder, { throwIfNoEntry: false });
  } catch (cause) {
    throw notFound(model, `it cannot be read (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`, cause);
  }
}

/** The folder of the npm package a catalogue model comes in; `undefined` when it is not installed. */
export function findPackageFolder(entry: CatalogEntry): string | undefined {
  try {
    return path.dirname(require.resolve(`${entry.packageName}/package.json`));
  } catch {
    return undefined;
  }
}

function packageFolder(entry: CatalogEntry): string {
  const folder = findPackageFolder(entry);
  if (folder === undefined) {
    throw new CandleEmbedError(
      "MODEL_NOT_FOUND",
      `${entry.name} comes in the package ${entry.packageName}, which is not installed: npm install ${entry.packageName}`,
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
  const names = catalog.map((entry) => entry.name).join(", ");
  return new CandleEmbedError(
    "MODEL_NOT_FOUND",
    `no model ${describe(String(model))}: ${reason}. Pass a folder in the sentence-transformers layout, or a name: ${names}`,
    cause === undefined ? {} : { cause },
  );
}

import { lstat, readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { repositoryOf } from "./cache.js";
import { listFiles, walkFolder } from "./list-files.js";
import { isCommit, isRepository } from "./names.js";

/** One commit of a cached model. */
export interface CachedRevision {
  readonly commit: string;
  /** The branches and tags that stood for it. */
  readonly refs: readonly string[];
  readonly files: number;
}

/** A model in the cache, whoever put it there. */
export interface CachedModel {
  readonly repository: string;
  readonly folder: string;
  /** What it takes on the disk, unfinished downloads included. */
  readonly bytes: number;
  readonly revisions: readonly CachedRevision[];
}

/** The models in a cache, by name. */
export async function listCachedModels(cacheDir: string): Promise<CachedModel[]> {
  const models: CachedModel[] = [];
  for (const entry of await readdir(cacheDir, { withFileTypes: true }).catch(() => [])) {
    const repository = repositoryOf(entry.name);
    if (!entry.isDirectory() || repository === undefined || !isRepository(repository)) continue;
    const folder = path.join(cacheDir, entry.name);
    models.push({ repository, folder, bytes: await diskUse(folder), revisions: await listRevisions(folder) });
  }
  return models.sort((a, b) => (a.repository.toLowerCase() < b.repository.toLowerCase() ? -1 : 1));
}

/** The commits of a model's folder. */
export async function listRevisions(folder: string): Promise<CachedRevision[]> {
  const refs = new Map<string, string[]>();
  for (const name of (await listFiles(path.join(folder, "refs"))).keys()) {
    const commit = (await readFile(path.join(folder, "refs", name), "utf8")).trim();
    refs.set(commit, [...(refs.get(commit) ?? []), name]);
  }
  const revisions: CachedRevision[] = [];
  for (const commit of await readdir(path.join(folder, "snapshots")).catch(() => [])) {
    if (!isCommit(commit)) continue;
    const files = (await listFiles(path.join(folder, "snapshots", commit))).size;
    revisions.push({ commit, refs: refs.get(commit) ?? [], files });
  }
  return revisions.sort((a, b) => b.refs.length - a.refs.length);
}

/** The bytes of all files below a folder; links, which snapshots are made of, count for nothing. */
export async function diskUse(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { file, entry } of walkFolder(folder)) {
    if (entry.isFile()) bytes += (await lstat(file).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

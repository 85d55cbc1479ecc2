import { lstat, readlink, rm, rmdir } from "node:fs/promises";
import path from "node:path";

import { CandleEmbedError } from "../errors.js";
import { RepositoryCache } from "./cache.js";
import { diskUse, listRevisions } from "./cached-models.js";
import { walkFolder } from "./list-files.js";
import { removeStaleLocks } from "./lock.js";
import { isRepository } from "./names.js";

/**
 * Removes a model from the cache, or one revision of it: a branch, a tag or a commit. Nothing outside of the model's own
 * folder is touched, and links are removed, never followed.
 *
 * @returns The bytes that this freed.
 * @throws CandleEmbedError `MODEL_NOT_FOUND` where it is not in the cache.
 */
export async function removeModel(cacheDir: string, repository: string, revision?: string): Promise<number> {
  const cache = new RepositoryCache(cacheDir, repository);
  const stats = isRepository(repository) ? await lstat(cache.folder).catch(() => undefined) : undefined;
  if (stats === undefined) throw notCached(`${repository} is not in the cache ${cacheDir}`);
  if (!stats.isDirectory()) throw notCached(`${cache.folder} is a link or a file; remove it by hand`);
  const before = await diskUse(cache.folder);
  const revisions = await listRevisions(cache.folder);
  const chosen = revisions.filter(
    ({ commit, refs }) => revision === undefined || commit === revision || refs.includes(revision),
  );
  if (revision !== undefined && chosen.length === 0) {
    const cached = revisions.map(({ commit, refs }) => refs[0] ?? commit).join(", ") || "none";
    throw notCached(
      `${repository} has no revision ${JSON.stringify(revision)} in the cache; there is ${cached}`,
    );
  }
  if (revision === undefined || chosen.length === revisions.length) {
    await removeAll(cache);
    return before;
  }
  for (const { commit, refs } of chosen) await removeRevision(cache, commit, refs);
  return before - (await diskUse(cache.folder));
}

/** References first, blobs last: at no time does something visible lead to what is gone. */
async function removeAll(cache: RepositoryCache): Promise<void> {
  for (const part of ["refs", "snapshots", "trees", "blobs"]) {
    await rm(path.join(cache.folder, part), { recursive: true, force: true });
  }
  await rm(cache.folder, { recursive: true, force: true });
  await removeStaleLocks(cache.locks);
  await rmdir(cache.locks).catch(() => undefined);
}

async function removeRevision(
  cache: RepositoryCache,
  commit: string,
  refs: readonly string[],
): Promise<void> {
  for (const ref of refs) await rm(path.join(cache.folder, "refs", ...ref.split("/")), { force: true });
  const snapshot = cache.snapshot(commit);
  const mine = await linkedBlobs(snapshot);
  await rm(snapshot, { recursive: true, force: true });
  await rm(path.join(cache.folder, "trees", `${commit}.json`), { force: true });
  await rm(path.join(cache.folder, ".no_exist", commit), { recursive: true, force: true });
  // Revisions share the blobs of the files that did not change between them.
  const others = await linkedBlobs(path.join(cache.folder, "snapshots"));
  for (const blob of mine) {
    if (!others.has(blob)) await rm(path.join(cache.blobs, blob), { force: true });
  }
}

/** The names of the blobs that the links below a folder lead to. */
async function linkedBlobs(folder: string): Promise<Set<string>> {
  const blobs = new Set<string>();
  for await (const { file, entry } of walkFolder(folder)) {
    if (!entry.isSymbolicLink()) continue;
    const target = await readlink(file);
    const [, blob] = /(?:^|[/\\])blobs[/\\](\w+)$/.exec(target) ?? [];
    if (blob !== undefined) blobs.add(blob);
  }
  return blobs;
}

function notCached(message: string): CandleEmbedError {
  return new CandleEmbedError("MODEL_NOT_FOUND", message);
}

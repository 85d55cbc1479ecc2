import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { makeFolder } from "./make-folder.js";
import { isCommit } from "./names.js";
import type { RepositoryKind } from "./repository-kind.js";

/** One file of a commit, as the hub lists it. */
export interface ListedFile {
  readonly size: number;
  /**
   * What the hub calls the content, and the cache its blob: the SHA-256 of a file in large file storage, the hash of the
   * git object (SHA-1) of any other.
   */
  readonly etag: string;
  /** The hash of the git object, which for a file in large file storage is a pointer to it. */
  readonly blobId: string;
  /** The hub's own name for the content in its newer storage. Kept for huggingface_hub. */
  readonly xetHash?: string | undefined;
}

/** The files of a commit by name. */
export type Listing = ReadonlyMap<string, ListedFile>;

/**
 * The folder of one model or data set in the cache. The layout is huggingface_hub's, so that Python and this package share it:
 *
 *     models--org--name/             datasets--org--name/ for a data set
 *       blobs/<etag>                 the content
 *       snapshots/<commit>/<file>    a relative link to it
 *       refs/<branch or tag>         the commit it stood for
 *       trees/<commit>.json          the names, sizes and hashes of the commit's files
 */
export class RepositoryCache {
  readonly folder: string;
  readonly blobs: string;
  readonly locks: string;

  constructor(cacheDir: string, repository: string, kind: RepositoryKind = "model") {
    const name = folderName(repository, kind);
    this.folder = path.join(cacheDir, name);
    this.blobs = path.join(this.folder, "blobs");
    this.locks = path.join(cacheDir, ".locks", name);
  }

  snapshot(commit: string): string {
    return path.join(this.folder, "snapshots", commit);
  }

  /** The commit that `revision` stood for when it was last asked for. */
  async readRef(revision: string): Promise<string | undefined> {
    const text = await readText(path.join(this.folder, "refs", ...revision.split("/")));
    const commit = text?.trim();
    return commit !== undefined && isCommit(commit) ? commit : undefined;
  }

  async writeRef(revision: string, commit: string): Promise<void> {
    if ((await this.readRef(revision)) === commit) return;
    await replaceFile(path.join(this.folder, "refs", ...revision.split("/")), commit);
  }

  async readListing(commit: string): Promise<Listing | undefined> {
    const text = await readText(this.#tree(commit));
    return text === undefined ? undefined : parseTree(text);
  }

  async writeListing(commit: string, listing: Listing): Promise<void> {
    const files = [...listing]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, file]) => [name, toEntry(file)]);
    const tree = { format_version: 1, files: Object.fromEntries(files) as unknown };
    await replaceFile(this.#tree(commit), JSON.stringify(tree, null, 1));
  }

  #tree(commit: string): string {
    return path.join(this.folder, "trees", `${commit}.json`);
  }
}

/** What the cache calls the folder of a model or data set. */
export function folderName(repository: string, kind: RepositoryKind = "model"): string {
  return `${kind}s--${repository.replace("/", "--")}`;
}

/** The model whose folder this is. */
export function repositoryOf(folder: string): string | undefined {
  const [, organisation, name] = /^models--(.+?)--(.+)$/.exec(folder) ?? [];
  return organisation === undefined || name === undefined ? undefined : `${organisation}/${name}`;
}

/** A SHA-256 or SHA-1 in hexadecimal: the only etags that can be checked, and safe as file names. */
export function isEtag(value: unknown): value is string {
  return typeof value === "string" && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value);
}

/** A file of a tree, as huggingface_hub 2 keeps it (`_tree_cache.py`, format version 1). */
interface TreeEntry {
  size: number;
  blob_id: string;
  lfs_sha256?: string | undefined;
  lfs_size?: number | undefined;
  xet_hash?: string | undefined;
}

function toEntry({ size, etag, blobId, xetHash }: ListedFile): TreeEntry {
  return {
    size,
    blob_id: blobId,
    ...(etag !== blobId && { lfs_sha256: etag, lfs_size: size }),
    ...(xetHash !== undefined && { xet_hash: xetHash }),
  };
}

/** `undefined` for what huggingface_hub would ask for again too: another version, or a file that is no listing. */
function parseTree(text: string): Listing | undefined {
  try {
    const tree = JSON.parse(text) as { format_version?: unknown; files: Record<string, TreeEntry> };
    if (tree.format_version !== 1) return undefined;
    const files = Object.entries(tree.files).map(([name, entry]): [string, ListedFile] => {
      const { blob_id: blobId, lfs_sha256: etag = blobId, xet_hash: xetHash } = entry;
      return [name, { size: entry.lfs_size ?? entry.size, etag, blobId, xetHash }];
    });
    const sound = files.every(([, { size, etag }]) => Number.isSafeInteger(size) && isEtag(etag));
    return sound ? new Map(files) : undefined;
  } catch {
    return undefined;
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw error;
  }
}

/** Readers see the old content or the new, never half of it. */
async function replaceFile(file: string, content: string): Promise<void> {
  await makeFolder(path.dirname(file));
  const temporary = `${file}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await writeFile(temporary, content, { flag: "wx" });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

import { setMaxListeners } from "node:events";
import { readFile, statfs } from "node:fs/promises";
import path from "node:path";

import { CandleEmbedError } from "../errors.js";
import type { ListedFile, Listing, RepositoryCache } from "./cache.js";
import type { HubClient } from "./client.js";
import { hasContent, type ExpectedContent } from "./content-hash.js";
import { downloadFile } from "./download-file.js";
import { fileSize, pointTo } from "./link.js";
import { lockFile, withLock } from "./lock.js";
import { makeFolder } from "./make-folder.js";
import { checkInside } from "./names.js";
import type { ListedFiles } from "./needed-files.js";
import { ProgressMeter, type DownloadProgress } from "./progress.js";
import { pathPrefix, type RepositoryKind } from "./repository-kind.js";
import type { HubSettings } from "./settings.js";

/** Files that are downloaded at the same time. */
const parallelFiles = 4;

/** The engine hashes these itself while it loads them; see `NativeBackend.load`. */
export const engineHashes = "model.safetensors";

export interface SnapshotInit {
  readonly kind: RepositoryKind;
  readonly repository: string;
  readonly cache: RepositoryCache;
  readonly commit: string;
  readonly listing: Listing;
  /** SHA-256 sums by file name that are known beforehand. */
  readonly pins: Readonly<Record<string, string>>;
  readonly settings: HubSettings;
  readonly client: HubClient;
  readonly signal: AbortSignal;
  readonly onProgress: ((progress: DownloadProgress) => void) | undefined;
}

/** The files of one commit in the cache, with the hub behind it for those that are missing. */
export class Snapshot implements ListedFiles {
  readonly repository: string;
  /** What came over the network. */
  downloadedBytes = 0;
  readonly #init: SnapshotInit;

  constructor(init: SnapshotInit) {
    this.repository = init.repository;
    this.#init = init;
  }

  names(): Iterable<string> {
    return this.#init.listing.keys();
  }

  has(name: string): boolean {
    return this.#init.listing.has(name);
  }

  async readJson(name: string): Promise<unknown> {
    if ((await this.missing([name], true)).length > 0) await this.get([name]);
    return parseJson(await readFile(this.path(name), "utf8"), name, this.repository);
  }

  /** Where a file is or will be. */
  path(name: string): string {
    return path.join(this.#init.cache.snapshot(this.#init.commit), ...checkInside(name).split("/"));
  }

  size(name: string): number {
    return this.#listed(name).size;
  }

  /**
   * Those of the files that are not here as they should be. `all`: the weights are hashed too, not only measured.
   */
  async missing(names: readonly string[], all: boolean): Promise<string[]> {
    const missing: string[] = [];
    for (const name of names) {
      if (!(await this.#isRight(this.path(name), name, all || name !== engineHashes))) missing.push(name);
    }
    return missing;
  }

  /** Downloads these files, several at a time. The first failure ends the others. */
  async get(names: readonly string[]): Promise<void> {
    const { cache, onProgress, signal } = this.#init;
    await makeFolder(cache.blobs);
    const sizes = names.map((name) => this.size(name));
    await this.#checkRoom(sizes.reduce((sum, size) => sum + size, 0));
    const meter = new ProgressMeter(sizes, (progress) => onProgress?.(progress));
    const queue = [...names].sort((a, b) => this.size(b) - this.size(a));
    const failed = new AbortController();
    const ended = AbortSignal.any([signal, failed.signal]);
    // Each file has several things that listen.
    setMaxListeners(0, ended);
    const work = async (): Promise<void> => {
      for (let name = queue.shift(); name !== undefined && !ended.aborted; name = queue.shift()) {
        await this.#getOne(name, meter, ended);
      }
    };
    const failures: unknown[] = [];
    await Promise.all(
      Array.from({ length: parallelFiles }, () =>
        work().catch((error: unknown) => {
          failures.push(error);
          failed.abort();
        }),
      ),
    );
    if (failures.length > 0) throw failures[0];
    signal.throwIfAborted();
  }

  async #getOne(name: string, meter: ProgressMeter, signal: AbortSignal): Promise<void> {
    const { cache, client, commit, kind, settings } = this.#init;
    const { etag, size } = this.#listed(name);
    const blob = path.join(cache.blobs, etag);
    const expected = this.#expected(name);
    const isDone = async (): Promise<boolean> => {
      if (await this.#isRight(this.path(name), name, true)) return true;
      if (!(await this.#isRight(blob, name, true))) return false;
      await pointTo(blob, this.path(name), settings.symlinks);
      return true;
    };
    const parts = name.split("/").map(encodeURIComponent).join("/");
    const url = new URL(
      `${settings.endpoint}/${pathPrefix(kind)}${this.repository}/resolve/${commit}/${parts}`,
    );
    const onBytes = (bytes: number, received: number): void => {
      this.downloadedBytes += received;
      meter.update(name, bytes, received);
    };
    const download = async (): Promise<void> => {
      const timeoutMs = settings.downloadTimeoutMs;
      await downloadFile({ client, url, name, expected, timeoutMs, signal, onBytes }, cache.blobs, blob);
      await pointTo(blob, this.path(name), settings.symlinks);
    };
    await withLock(lockFile(cache.locks, etag), signal, isDone, download);
    meter.done(name, size);
  }

  /** Whether `file` has the content of `name`: its size, and where `hash` says so, its hash. */
  async #isRight(file: string, name: string, hash: boolean): Promise<boolean> {
    const expected = this.#expected(name);
    if ((await fileSize(file)) !== expected.size) return false;
    return !hash || (await hasContent(file, expected, this.#init.signal));
  }

  #expected(name: string): ExpectedContent {
    const { size, etag } = this.#listed(name);
    return { size, etag, sha256: this.#init.pins[name] };
  }

  #listed(name: string): ListedFile {
    const file = this.#init.listing.get(name);
    if (file === undefined) throw new Error(`${name} is not in the listing`);
    return file;
  }

  async #checkRoom(needed: number): Promise<void> {
    const { cacheDir } = this.#init.settings;
    const { bavail, bsize } = await statfs(cacheDir);
    const free = bavail * bsize;
    // Some network drives answer 0 for "not known".
    if (free === 0 || free >= needed) return;
    throw new CandleEmbedError(
      "DOWNLOAD_FAILED",
      `${this.repository} needs ${megabytes(needed)} more, and the disk of the cache ${cacheDir} has ${megabytes(free)} ` +
        'free: make room ("candle-embed rm MODEL"), or set HF_HUB_CACHE, or pass cacheDir',
    );
  }
}

export function parseJson(text: string, name: string, repository: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CandleEmbedError("MODEL_INVALID", `${name} of ${repository} is no JSON`, { cause });
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

import { setMaxListeners } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { CandleEmbedError } from "../errors.js";
import { aborted } from "../utils/cancellation.js";
import { onAbort } from "../utils/on-abort.js";
import { askCommit, askListing, type HubQuestion } from "./api.js";
import { RepositoryCache, type Listing } from "./cache.js";
import { HubClient } from "./client.js";
import { hasContent } from "./content-hash.js";
import {
  describeFileFailure,
  describeRefusal,
  isFileFailure,
  RefusedRequest,
  TransientFailure,
} from "./failures.js";
import { listFiles } from "./list-files.js";
import { removeStaleLocks } from "./lock.js";
import { isCommit, isInside, isRepository } from "./names.js";
import type { ListedFiles } from "./needed-files.js";
import { removeAbandoned } from "./partial-file.js";
import type { DownloadProgress } from "./progress.js";
import { pathPrefix, type RepositoryKind } from "./repository-kind.js";
import type { HubSettings } from "./settings.js";
import { engineHashes, parseJson, Snapshot } from "./snapshot.js";

/** A repository on a hub, and what is known about it beforehand. */
export interface RepositoryRequest {
  readonly kind: RepositoryKind;
  /** `org/name` */
  readonly repository: string;
  /** A branch, a tag, a commit or the like. Default: `main`. */
  readonly revision?: string | undefined;
  /** SHA-256 sums by file name. They hold for one commit, which `revision` must be. */
  readonly pins?: Readonly<Record<string, string>> | undefined;
  readonly settings: HubSettings;
  /** Which of its files are wanted. */
  readonly needed: (files: ListedFiles) => Promise<string[]>;
  /** Hash the weights as well, which otherwise the engine does; wrong files are fetched again. */
  readonly verify?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** A model or data set whose needed files are in the cache. */
export interface FetchedRepository {
  readonly folder: string;
  /** The commit. */
  readonly revision: string;
  /** The needed files, by their names in the folder. */
  readonly files: readonly string[];
  /** What the weights' hash must be, where one file has them all and its hash is known. */
  readonly weightsSha256: string | undefined;
  /** Bytes of the needed files. */
  readonly bytes: number;
  /** Bytes that came over the network. */
  readonly downloadedBytes: number;
}

/**
 * Makes sure that the needed files are in the cache, and right. What is there is not fetched again; a repository
 * asked for by its commit and complete in the cache needs no network at all.
 *
 * @throws CandleEmbedError `MODEL_NOT_FOUND`, `MODEL_INVALID`, `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, `OFFLINE`,
 * `ABORTED`, `INVALID_INPUT`.
 */
export async function fetchRepository(request: RepositoryRequest): Promise<FetchedRepository> {
  const { kind, repository, revision = "main", settings } = request;
  checkRequest(request, revision);
  const controller = new AbortController();
  // Several files at once, each with several things that listen.
  setMaxListeners(0, controller.signal);
  const release = request.signal && onAbort(request.signal, () => controller.abort());
  const client = new HubClient(settings.endpoint, settings.token);
  try {
    if (request.signal?.aborted === true) controller.abort();
    controller.signal.throwIfAborted();
    const cache = new RepositoryCache(settings.cacheDir, repository, kind);
    if (settings.offline) return await findOffline(request, revision, cache, controller.signal);
    return await fetchOnline(request, revision, cache, client, controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw aborted(request.signal);
    if (error instanceof RefusedRequest)
      throw describeRefusal(error, kind, repository, revision, settings.endpoint);
    throw isFileFailure(error) ? describeFileFailure(error, settings.cacheDir) : error;
  } finally {
    client.close();
    release?.();
  }
}

async function fetchOnline(
  request: RepositoryRequest,
  revision: string,
  cache: RepositoryCache,
  client: HubClient,
  signal: AbortSignal,
): Promise<FetchedRepository> {
  const { kind, repository, settings, pins = {}, onProgress } = request;
  const { endpoint, metadataTimeoutMs: timeoutMs } = settings;
  const question = { client, endpoint, kind, repository, timeoutMs, signal };
  const commit = await currentCommit(question, revision, cache);
  const listing = (await cache.readListing(commit)) ?? (await fetchListing(question, commit, cache));
  checkPins(repository, listing, pins);
  const snapshot = new Snapshot({
    kind,
    repository,
    cache,
    commit,
    listing,
    pins,
    settings,
    client,
    signal,
    onProgress,
  });
  const needed = await request.needed(snapshot);
  const missing = await snapshot.missing(needed, request.verify ?? false);
  if (missing.length > 0) await snapshot.get(missing);
  // Last, so that a reference never leads to half a model. A cache that can only be read does without.
  if (!isCommit(revision)) await bestEffort(cache.writeRef(revision, commit));
  await bestEffort(removeAbandoned(cache.blobs));
  await bestEffort(removeStaleLocks(cache.locks));
  return {
    folder: cache.snapshot(commit),
    files: needed,
    revision: commit,
    weightsSha256: weightsSha256(needed, listing, pins),
    bytes: needed.reduce((sum, name) => sum + snapshot.size(name), 0),
    downloadedBytes: snapshot.downloadedBytes,
  };
}

/** Where the hub can't be reached, the commit that it named last time serves; huggingface_hub does the same. */
async function currentCommit(
  question: HubQuestion,
  revision: string,
  cache: RepositoryCache,
): Promise<string> {
  if (isCommit(revision)) return revision;
  const last = await cache.readRef(revision);
  if (last === undefined) return askCommit(question, revision);
  try {
    return await askCommit(question, revision, 1);
  } catch (error) {
    if (CandleEmbedError.isInstance(error) && error.cause instanceof TransientFailure) return last;
    throw error;
  }
}

async function fetchListing(question: HubQuestion, commit: string, cache: RepositoryCache): Promise<Listing> {
  const listing = await askListing(question, commit);
  await bestEffort(cache.writeListing(commit, listing));
  return listing;
}

/** A hub that lists other content than the catalogue knows is refused before anything is fetched. */
function checkPins(repository: string, listing: Listing, pins: Readonly<Record<string, string>>): void {
  for (const [name, sha256] of Object.entries(pins)) {
    const etag = listing.get(name)?.etag;
    if (etag?.length !== 64 || etag === sha256) continue;
    throw new CandleEmbedError(
      "CHECKSUM_MISMATCH",
      `${name} of ${repository} is not the file that the catalogue names: its SHA-256 is ${etag}, not ${sha256}`,
    );
  }
}

/** The repository in the cache, without asking anybody. Where its listing is there too, it must be complete. */
async function findOffline(
  request: RepositoryRequest,
  revision: string,
  cache: RepositoryCache,
  signal: AbortSignal,
): Promise<FetchedRepository> {
  const { repository, pins = {} } = request;
  const commit = isCommit(revision) ? revision : await cache.readRef(revision);
  if (commit === undefined) throw offline(request, "it is not");
  const folder = cache.snapshot(commit);
  const present = await listFiles(folder);
  const listing = await cache.readListing(commit);
  const files: ListedFiles = {
    repository,
    names: () => (listing ?? present).keys(),
    has: (name) => listing?.has(name) ?? present.has(name),
    readJson: async (name) => {
      if (!present.has(name)) throw offline(request, `${name} is not`);
      return parseJson(await readFile(path.join(folder, name), "utf8"), name, repository);
    },
  };
  const needed = await request.needed(files).catch((error: unknown) => {
    throw present.size === 0 ? offline(request, "it is not") : error;
  });
  let bytes = 0;
  for (const name of needed) {
    const size = present.get(name);
    if (size === undefined) throw offline(request, `${name} is not`);
    const expected = listing?.get(name);
    const isRight =
      expected === undefined ||
      (size === expected.size &&
        (name === engineHashes || (await hasContent(path.join(folder, name), expected, signal))));
    if (!isRight) throw offline(request, `${name} is not right`);
    bytes += size;
  }
  return {
    folder,
    files: needed,
    revision: commit,
    weightsSha256: weightsSha256(needed, listing, pins),
    bytes,
    downloadedBytes: 0,
  };
}

function weightsSha256(
  needed: readonly string[],
  listing: Listing | undefined,
  pins: Readonly<Record<string, string>>,
): string | undefined {
  if (!needed.includes(engineHashes)) return undefined;
  const etag = listing?.get(engineHashes)?.etag;
  return pins[engineHashes] ?? (etag?.length === 64 ? etag : undefined);
}

function checkRequest({ kind, repository }: RepositoryRequest, revision: string): void {
  if (!isRepository(repository)) {
    throw new CandleEmbedError(
      "MODEL_NOT_FOUND",
      `${JSON.stringify(repository)} is no ${kind} of a hub (org/name)`,
    );
  }
  if (!isInside(revision)) {
    throw new CandleEmbedError("INVALID_INPUT", `${JSON.stringify(revision)} is no name of a revision`);
  }
}

function offline({ kind, repository, settings }: RepositoryRequest, what: string): CandleEmbedError {
  const way =
    kind === "model"
      ? `With a network, once: candle-embed pull ${repository}`
      : `With a network, it is fetched where it is used: ${pathPrefix(kind)}${repository}`;
  return new CandleEmbedError(
    "OFFLINE",
    `${repository}: ${what} in the cache ${settings.cacheDir}, and downloads are turned off (offline, HF_HUB_OFFLINE). ${way}`,
  );
}

/** For what is of use but not needed: a failure of the file system, as in a cache that can only be read, is ignored. */
async function bestEffort(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isFileFailure(error)) throw error;
  });
}

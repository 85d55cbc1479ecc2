import { constants } from "node:fs";
import { access, readdir, stat, statfs } from "node:fs/promises";
import path from "node:path";

import { listCachedModels, type CachedModel } from "../hub/cached-models.js";
import { hasContent } from "../hub/content-hash.js";
import { hubSettings, type HubOptions } from "../hub/settings.js";
import { formatBytes } from "../utils/format-bytes.js";
import { messageOf, type Finding } from "./finding.js";

/** Less room than this holds no model that is worth downloading. */
const littleRoom = 500e6;

/** Weights larger than this are hashed only when asked for: a gigabyte takes seconds. */
const smallBlob = 100e6;

interface CacheOptions extends HubOptions {
  /** Hash every file, however large. */
  readonly hashAll: boolean;
  readonly signal: AbortSignal;
}

/** The cache of downloaded models: where it is, whether it can be written, and whether its files are whole. */
export async function checkCache(options: CacheOptions): Promise<Finding[]> {
  let cacheDir: string;
  try {
    ({ cacheDir } = hubSettings(options));
  } catch (error) {
    // Only downloads need it: the model that is installed works.
    const advice = "to download models, set HF_HUB_CACHE to a folder of your own";
    return [{ name: "cache", status: "note", text: messageOf(error), advice, data: {} }];
  }
  const models = await listCachedModels(cacheDir);
  return [await describeCache(cacheDir, models), ...(await checkModels(models, options))];
}

async function describeCache(cacheDir: string, models: readonly CachedModel[]): Promise<Finding> {
  const bytes = models.reduce((sum, model) => sum + model.bytes, 0);
  const there = await nearestFolder(cacheDir);
  const writable = await access(there, constants.W_OK).then(
    () => true,
    () => false,
  );
  const free = await statfs(there).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  );
  const list = models
    .map((model) => `\n${formatBytes(model.bytes).padStart(8)}  ${model.repository}`)
    .join("");
  const room = free === undefined ? "" : `, ${formatBytes(free)} free`;
  const advice = !writable
    ? "downloads will fail: set HF_HUB_CACHE (or HF_HOME) to a folder that you can write to"
    : free !== undefined && free < littleRoom
      ? 'make room, or set HF_HUB_CACHE to another disk; "candle-embed rm MODEL" removes a model'
      : undefined;
  return {
    name: "cache",
    status: advice === undefined ? "ok" : writable ? "note" : "problem",
    text: `${cacheDir}: ${String(models.length)} models, ${formatBytes(bytes)}${room}${writable ? "" : ", not writable"}${list}`,
    advice,
    data: {
      cacheDir,
      bytes,
      free,
      writable,
      models: models.map(({ repository, bytes: size }) => ({ repository, size })),
    },
  };
}

/** A cache that is not there yet is made in the nearest folder above. */
async function nearestFolder(folder: string): Promise<string> {
  for (let each = folder; ; each = path.dirname(each)) {
    const stats = await stat(each).catch(() => undefined);
    if (stats !== undefined || each === path.dirname(each)) return each;
  }
}

async function checkModels(models: readonly CachedModel[], options: CacheOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { repository, folder, revisions } of models) {
    const { wrong, unfinished, unhashed } = await checkBlobs(path.join(folder, "blobs"), options);
    const data = { repository, wrong, unfinished, unhashed };
    const again = `candle-embed pull ${repository}`;
    if (wrong.length > 0) {
      const text = `${repository}: ${String(wrong.length)} files are not what their hash says`;
      findings.push({
        name: "integrity",
        status: "problem",
        text,
        advice: `${again} fetches them again`,
        data,
      });
    } else if (unfinished > 0 || revisions.length === 0) {
      const text = `${repository}: a download was not finished`;
      findings.push({ name: "integrity", status: "note", text, advice: `${again} goes on with it`, data });
    } else {
      const rest = unhashed === 0 ? "" : `; ${String(unhashed)} large ones not hashed (--hash does)`;
      findings.push({ name: "integrity", status: "ok", text: `${repository}: files are whole${rest}`, data });
    }
  }
  return findings;
}

/** A blob's name is the hash of its content: SHA-256 of large files, git's of the rest. */
async function checkBlobs(
  folder: string,
  { hashAll, signal }: CacheOptions,
): Promise<{ wrong: string[]; unfinished: number; unhashed: number }> {
  const wrong: string[] = [];
  let [unfinished, unhashed] = [0, 0];
  for (const name of await readdir(folder).catch(() => [])) {
    const file = path.join(folder, name);
    if (name.endsWith(".incomplete")) unfinished++;
    if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)) continue;
    const { size } = await stat(file);
    if (size > smallBlob && !hashAll) unhashed++;
    else if (!(await hasContent(file, { size, etag: name }, signal))) wrong.push(file);
  }
  return { wrong, unfinished, unhashed };
}

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll } from "vitest";

import { fetchModel, type FetchedModel, type ModelRequest } from "../../src/hub/fetch-model.js";
import { hubSettings, type HubSettings } from "../../src/hub/settings.js";
import { temporaryFolder } from "../native/support.js";
import { FakeHub } from "./fake-hub.js";

/** A hub for one test file. */
export async function startHub(): Promise<FakeHub> {
  const hub = await FakeHub.start();
  afterAll(() => {
    hub.stop();
  });
  return hub;
}

let caches = 0;
let parent: string | undefined;

/** A cache that nobody used yet. */
export function newCache(): string {
  parent ??= temporaryFolder();
  return path.join(parent, `cache-${String(caches++)}`);
}

/** The environment of a user of this hub; short timeouts, since faults are waited for. */
export function hubEnvironment(hub: FakeHub, cacheDir: string): Record<string, string> {
  return {
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: cacheDir,
    HF_HUB_ETAG_TIMEOUT: "1",
    HF_HUB_DOWNLOAD_TIMEOUT: "1",
  };
}

export function settingsFor(hub: FakeHub, cacheDir: string, options: Partial<HubSettings> = {}): HubSettings {
  return { ...hubSettings({}, hubEnvironment(hub, cacheDir)), ...options };
}

/** Fetches a model of the fake hub. */
export function fetchFrom(
  hub: FakeHub,
  cacheDir: string,
  repository: string,
  {
    settings,
    ...request
  }: Partial<Omit<ModelRequest, "settings">> & { settings?: Partial<HubSettings> } = {},
): Promise<FetchedModel> {
  return fetchModel({ repository, ...request, settings: settingsFor(hub, cacheDir, settings) });
}

/**
 * Everything visible in a cache that is not what it says: blobs that do not have the hash they are called by, links that
 * lead nowhere, references to what is not there.
 */
export function wrongFiles(cacheDir: string): string[] {
  const wrong: string[] = [];
  for (const model of list(cacheDir).filter((name) => name.startsWith("models--"))) {
    const folder = path.join(cacheDir, model);
    for (const blob of list(path.join(folder, "blobs"))) {
      if (/^[0-9a-f]+$/.test(blob) && !hasHash(path.join(folder, "blobs", blob), blob))
        wrong.push(`${model} ${blob}`);
    }
    for (const file of files(path.join(folder, "snapshots"))) {
      if (!existsSync(file)) wrong.push(file);
      else if (lstatSync(file).isSymbolicLink() && !hasHash(file, path.basename(readlinkSync(file))))
        wrong.push(file);
    }
    for (const ref of files(path.join(folder, "refs"))) {
      if (!existsSync(path.join(folder, "snapshots", readFileSync(ref, "utf8")))) wrong.push(ref);
    }
  }
  return wrong;
}

/** Unfinished downloads, temporary files and locks in a cache. */
export function leftovers(cacheDir: string): string[] {
  return files(cacheDir).filter((file) => /\.(?:incomplete|tmp|candle-embed-lock)$/.test(file));
}

function hasHash(file: string, etag: string): boolean {
  const content = readFileSync(file);
  const hash =
    etag.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${String(content.length)}\0`);
  return hash.update(content).digest("hex") === etag;
}

/** The files below a folder, links included and not followed. */
export function files(folder: string): string[] {
  return list(folder).flatMap((name) => {
    const file = path.join(folder, name);
    return lstatSync(file).isDirectory() ? files(file) : [file];
  });
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Whether a snapshot has the same files as a folder that was served. */
export function sameFiles(snapshot: string, served: string, names: readonly string[]): boolean {
  return names.every((name) =>
    readFileSync(path.join(snapshot, name)).equals(readFileSync(path.join(served, name))),
  );
}

/** A small file system of its own, or why there is none. */
export function mountTmpfs(options: string): { folder: string } | { reason: string } {
  const folder = path.join(temporaryFolder(), "mount");
  mkdirSync(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "pipe" });
  } catch (error) {
    return {
      reason: `no file system can be mounted here (${(error as Error).message.split("\n")[0] ?? ""})`,
    };
  }
  afterAll(() => {
    execFileSync("umount", [folder]);
  });
  return { folder };
}

/** Whether the process may write wherever it likes, so that permissions say nothing. */
export const isRoot = process.getuid?.() === 0;

export function sizeOf(file: string): number {
  return statSync(file).size;
}

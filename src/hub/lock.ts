import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { isAlive } from "./partial-file.js";

/** How often the owner says that it is alive. */
const heartbeatMs = 2_000;

/** Without a sign of life for this long, the owner is gone. */
const staleAfterMs = 15_000;

const pollMs = 100;

/** Not `.lock`: those are huggingface_hub's, which locks them by a means that Node does not have. */
const lockSuffix = ".candle-embed-lock";

/** The lock of one content in a model's folder of locks. */
export function lockFile(folder: string, etag: string): string {
  return path.join(folder, `${etag}${lockSuffix}`);
}

/**
 * Does `work` while nobody else does the same, as far as a lock file can tell. It saves bandwidth and nothing else: where
 * two processes hold the lock, or the folder takes no locks, both download and the result is right all the same.
 *
 * @param isDone Whether somebody else has done the work meanwhile; then it is not done again.
 */
export async function withLock(
  file: string,
  signal: AbortSignal,
  isDone: () => Promise<boolean>,
  work: () => Promise<void>,
): Promise<void> {
  while (!(await take(file))) {
    if (await isDone()) return;
    await sleep(pollMs, undefined, { signal });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, heartbeatMs);
  try {
    if (!(await isDone())) await work();
  } finally {
    clearInterval(heartbeat);
    await rm(file, { force: true }).catch(() => undefined);
  }
}

/** `true` when the lock is ours, or cannot be had by anybody. */
async function take(file: string): Promise<boolean> {
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `${String(process.pid)} ${hostname()}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return true;
  }
  if (await isStale(file)) await rm(file, { force: true }).catch(() => undefined);
  return false;
}

/** Removes the locks that killed processes left in `folder`. */
export async function removeStaleLocks(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const file = path.join(folder, name);
    if (name.endsWith(lockSuffix) && (await isStale(file)))
      await rm(file, { force: true }).catch(() => undefined);
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs > staleAfterMs) return true;
    const [pid, host] = (await readFile(file, "utf8")).trim().split(" ");
    return host === hostname() && Number(pid) > 0 && !isAlive(Number(pid));
  } catch {
    return false; // just released
  }
}

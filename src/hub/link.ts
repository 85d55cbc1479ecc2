import { randomBytes } from "node:crypto";
import { copyFile, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import path from "node:path";

import { makeFolder } from "./make-folder.js";

/** What `symlink` answers where there are no links: Windows without the right to make them, FAT, some network drives. */
const noLinks = new Set(["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "UNKNOWN"]);

/**
 * Makes `blob` visible as `pointer`: a relative link, so that the cache can be moved. Where links can't be made, the file
 * itself moves there, as with huggingface_hub.
 */
export async function pointTo(blob: string, pointer: string, symlinks: boolean): Promise<void> {
  const folder = path.dirname(pointer);
  await makeFolder(folder);
  const target = path.relative(folder, blob);
  if (symlinks && (await link(target, pointer))) return;
  try {
    await rename(blob, pointer);
  } catch (error) {
    // Another process moved it, or keeps it open on Windows.
    if (await isFile(pointer)) return;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
    await copyInto(blob, pointer);
  }
}

async function link(target: string, pointer: string): Promise<boolean> {
  try {
    await symlink(target, pointer);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "EEXIST") return replaceLink(target, pointer);
    if (noLinks.has(code)) return false;
    throw error;
  }
}

/** Replaces what is there in one step: a link to nothing, or a file that turned out wrong. */
async function replaceLink(target: string, pointer: string): Promise<boolean> {
  if ((await readlink(pointer).catch(() => undefined)) === target) return true;
  const temporary = `${pointer}.${randomBytes(4).toString("hex")}.tmp`;
  await symlink(target, temporary);
  await rename(temporary, pointer);
  return true;
}

async function copyInto(blob: string, pointer: string): Promise<void> {
  const temporary = `${pointer}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await copyFile(blob, temporary);
    await rename(temporary, pointer);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Whether there is a file, through links. */
export async function isFile(file: string): Promise<boolean> {
  return (await fileSize(file)) !== undefined;
}

/** The size of a file, through links; `undefined` where there is none. */
export async function fileSize(file: string): Promise<number | undefined> {
  try {
    const stats = await stat(file);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return undefined;
    throw error;
  }
}

import { neededFiles, type ModelFiles } from "../hub/needed-files.js";
import { ProgressMeter } from "../hub/progress.js";
import type { FileList, ReadOptions } from "./model-source.js";

/** Files that are fetched at the same time; browsers open six connections to a host. */
const parallelFiles = 4;

/** A model's files behind a network. */
export interface RemoteFiles extends ModelFiles {
  /** In bytes; 0 where it is not known. */
  size(name: string): Promise<number>;
  fetch(name: string, onBytes?: (bytes: number, received: number) => void): Promise<Uint8Array>;
}

/** Fetches the files that the engine needs, with progress. */
export async function readNeeded(files: RemoteFiles, { onDownload }: ReadOptions): Promise<FileList> {
  const names = await neededFiles(files);
  const sizes = await Promise.all(names.map((name) => files.size(name)));
  const meter = onDownload === undefined ? undefined : new ProgressMeter(sizes, onDownload);
  const read: [string, Uint8Array][] = [];
  const queue = names.map((name, index) => ({ name, size: sizes[index] ?? 0 }));
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { name, size } = next;
      // The size of a compressed answer is not that of the file.
      const counted = (bytes: number): number => Math.min(bytes, size);
      const bytes = await files.fetch(name, (total, received) =>
        meter?.update(name, counted(total), received),
      );
      meter?.done(name, counted(bytes.length));
      read.push([name, bytes]);
    }
  };
  await Promise.all(Array.from({ length: parallelFiles }, work));
  return read;
}

/** Parses a file that is JSON. */
export async function readJson(files: RemoteFiles, name: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await files.fetch(name))) as unknown;
}

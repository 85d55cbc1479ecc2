import type { DownloadProgress } from "../hub/progress.js";

/** The files of a model by their paths in its folder. */
export type FileList = readonly (readonly [name: string, bytes: Uint8Array])[];

/** How a source is read. */
export interface ReadOptions {
  readonly signal: AbortSignal | undefined;
  readonly onDownload: ((progress: DownloadProgress) => void) | undefined;
}

/** What a source gave. */
export interface ModelRead {
  readonly files: FileList;
  /** A hub's commit. */
  readonly revision?: string | undefined;
}

/** Where a model's files come from. */
export interface ModelSource {
  readonly modelId: string;
  /** What the hash of the weights must be, where that is known. */
  readonly weightsSha256?: string | undefined;
  readonly matryoshkaDimensions?: readonly number[] | undefined;
  /** The files that the engine needs, in memory. */
  read(options: ReadOptions): Promise<ModelRead>;
}

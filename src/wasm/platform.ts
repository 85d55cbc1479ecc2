import type { CatalogEntry } from "../catalog.js";
import type { ModelSource } from "./model-source.js";
import type { Reply, Request } from "./protocol.js";

/** A worker with the module. */
export interface EngineWorker {
  post(request: Request, transfer?: readonly ArrayBuffer[]): void;
  /** Ends it at once, with all its memory. */
  terminate(): void;
  /** Whether it keeps the process alive. */
  keepAlive(alive: boolean): void;
}

/** What a worker tells. */
export interface EngineWorkerEvents {
  reply(reply: Reply): void;
  /** The worker is gone, or never was. */
  failure(reason: string): void;
}

/** What differs between browsers and the rest. */
export interface Platform {
  startWorker(events: EngineWorkerEvents): EngineWorker;
  /** The folder that `model` names, where it names one: a path, a URL. */
  folder(model: string | URL): ModelSource | undefined;
  /** The folder of an npm package with a model of the catalogue, where it is installed. */
  packageFolder(packageName: string, entry: CatalogEntry): ModelSource | undefined;
}

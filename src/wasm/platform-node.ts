import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import { FolderSource } from "./folder-source.js";
import type { Platform } from "./platform.js";
import type { Reply } from "./protocol.js";
import { UrlSource } from "./url-source.js";

/** Node, Bun and Deno. */
export const nodePlatform: Platform = {
  startWorker(events) {
    const worker = new Worker(new URL("./worker-node.js", import.meta.url), {
      // What the process was started with may not be for a worker that is a module (--input-type).
      execArgv: [],
    });
    worker.on("message", (reply: Reply) => {
      events.reply(reply);
    });
    worker.on("error", (error) => {
      events.failure(String(error));
    });
    worker.on("exit", () => {
      events.failure("the worker has ended");
    });
    return {
      post: (request, transfer = []) => {
        worker.postMessage(request, [...transfer]);
      },
      terminate: () => void worker.terminate(),
      keepAlive: (alive) => {
        if (alive) worker.ref();
        else worker.unref();
      },
    };
  },

  folder(model) {
    if (model instanceof URL || /^(?:file|https?):/.test(model)) {
      const url = new URL(model);
      return url.protocol === "file:" ? new FolderSource(fileURLToPath(url)) : new UrlSource(url);
    }
    // A name without a leading dot or slash is one of the catalogue or the hub.
    return /^\.{0,2}[/\\]|^\.{1,2}$/.test(model) || path.isAbsolute(model)
      ? new FolderSource(path.resolve(model))
      : undefined;
  },

  packageFolder(packageName, entry) {
    try {
      const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
      return new FolderSource(path.dirname(manifest), entry);
    } catch {
      return undefined;
    }
  },
};

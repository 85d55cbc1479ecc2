import type { Platform } from "./platform.js";
import type { Reply } from "./protocol.js";
import { UrlSource } from "./url-source.js";

/** Browsers. */
export const webPlatform: Platform = {
  startWorker(events) {
    // Written out like this, since bundlers look for it to take the worker along.
    const worker = new Worker(new URL("./worker-web.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      events.reply(data);
    };
    worker.onerror = ({ message }) => {
      // Chromium tells a worker whose script could not be loaded without a message.
      events.failure(message || "the worker's script could not be loaded");
    };
    return {
      post: (request, transfer = []) => {
        worker.postMessage(request, [...transfer]);
      },
      terminate: () => {
        worker.terminate();
      },
      keepAlive: () => undefined,
    };
  },

  folder(model) {
    if (model instanceof URL) return new UrlSource(model);
    if (!/^(?:https?:|\.{0,2}\/)/.test(model)) return undefined;
    return new UrlSource(new URL(model, location.href));
  },

  packageFolder: () => undefined,
};

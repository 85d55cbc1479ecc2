import type * as Module from "./engine/candle_embed_wasm.js";
import { EngineServer, transferables } from "./engine-server.js";
import type { Reply, Request } from "./protocol.js";

/**
 * Answers requests with the module as soon as it has started. Gives what takes requests, for a worker to install before
 * it waits for anything: Deno does not keep messages that nobody listens for.
 */
export function serve(
  module: typeof Module,
  started: Promise<unknown>,
  post: (reply: Reply, transfer: ArrayBuffer[]) => void,
): (request: Request) => void {
  const server = started.then(
    () => new EngineServer(module),
    (error: unknown) => {
      const message = `the WebAssembly module could not be started: ${String(error)}`;
      post({ ended: { code: "DEVICE_UNAVAILABLE", message } }, []);
      return undefined;
    },
  );
  return (request) => {
    // Every request waits on the same promise, so they stay in order.
    void server.then((ready) => {
      const reply = ready?.handle(request);
      if (reply !== undefined) post(reply, transferables(reply));
    });
  };
}

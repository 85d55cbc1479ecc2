// The worker in browsers.
import * as module from "./engine/candle_embed_wasm.js";
import type { Reply, Request } from "./protocol.js";
import { serve } from "./serve.js";

// A page's window and a worker's scope differ in this signature, and the compiler knows the window only.
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(reply: Reply, transfer: ArrayBuffer[]): void;
};

const take = serve(module, module.default(), (reply, transfer) => {
  scope.postMessage(reply, transfer);
});
scope.onmessage = ({ data }) => {
  take(data);
};

// The worker in Node, Bun and Deno.
import { readFile } from "node:fs/promises";
import { parentPort } from "node:worker_threads";

import * as module from "./engine/candle_embed_wasm.js";
import { serve } from "./serve.js";

const bytes = readFile(new URL("./engine/candle_embed_wasm_bg.wasm", import.meta.url));
const started = bytes.then((bytes) => module.initSync({ module: new Uint8Array(bytes) }));
const take = serve(module, started, (reply, transfer) => {
  parentPort?.postMessage(reply, transfer);
});
parentPort?.on("message", take);

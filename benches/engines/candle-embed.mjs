// candle-embed through its TypeScript API: texts in the order of the file, one call.
import { createRequire } from "node:module";

import { serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
const { NativeBackend } = require("../../dist/index.js");

/** @type {import("../../dist/index.js").NativeBackend} */
let backend;

await serve({
  async load({ model, threads, settings: { device = "cpu", dtype } }) {
    backend = await NativeBackend.load(model, { threads, device, dtype });
    const { version } = require("../../package.json");
    const { dtype: used, threads: count, device: place } = backend;
    return { versions: { "candle-embed": version }, dtype: used, threads: count, device: place };
  },
  async embed({ texts }) {
    return (await backend.embed(texts)).data;
  },
  one: ({ texts }, index) => backend.embed(texts[index]),
});

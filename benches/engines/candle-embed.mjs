// candle-embed through its TypeScript API: texts in the order of the file, one call.
import { createRequire } from "node:module";

import { serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
const { NativeBackend } = require("../../dist/index.js");

/** @type {import("../../dist/index.js").NativeBackend} */
let backend;

await serve({
  async load({ model, threads }) {
    backend = await NativeBackend.load(model, { threads });
    const { version } = require("../../package.json");
    return { versions: { "candle-embed": version }, dtype: backend.dtype, threads: backend.threads };
  },
  async embed({ texts }) {
    return (await backend.embed(texts)).data;
  },
  one: ({ texts }, index) => backend.embed(texts[index]),
});

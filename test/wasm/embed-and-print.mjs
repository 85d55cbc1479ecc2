// Run by runtimes.test.ts in Node, Bun and Deno: embeds and prints, and ends without disposing.
import { argv } from "node:process";

import { WasmBackend } from "@candle-embed/wasm";

const { model, texts } = JSON.parse(argv[2]);
const backend = await WasmBackend.load(model);
const embeddings = await backend.embed(texts);
console.log(JSON.stringify({ vectors: embeddings.toArrays(), dtype: backend.dtype }));

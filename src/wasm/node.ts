/**
 * Text embeddings as WebAssembly, for Node, Bun and Deno.
 *
 * @packageDocumentation
 */
import { nodePlatform } from "./platform-node.js";
import { usePlatform } from "./wasm-backend.js";

usePlatform(nodePlatform);

export * from "./exports.js";

/**
 * Text embeddings as WebAssembly, for browsers.
 *
 * @packageDocumentation
 */
import { webPlatform } from "./platform-web.js";
import { usePlatform } from "./wasm-backend.js";

usePlatform(webPlatform);

export * from "./exports.js";

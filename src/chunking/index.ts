/**
 * Cutting long texts into chunks that a model reads whole: `candle-embed/chunking`.
 *
 * @module candle-embed/chunking
 */
export { chunkText, type Chunk } from "./chunk-text.js";
export type { ChunkOptions } from "./chunk-options.js";
export type { DocumentFormat } from "./blocks.js";
export type { Tokenizer, TokenSpans } from "./tokenizer.js";
export { withHeading } from "./with-heading.js";

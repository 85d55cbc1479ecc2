/**
 * Embeddings for LangChain.js: `candle-embed/langchain`.
 *
 * @module candle-embed/langchain
 */
export type { AdapterCallOptions } from "../adapter-backend.js";
export type { AdapterOptions, SharedLoadOptions } from "../adapter-options.js";
export { CandleEmbeddings } from "./embeddings.js";

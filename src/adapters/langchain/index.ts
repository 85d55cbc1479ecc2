/**
 * Embeddings for LangChain.js: `candle-embed/langchain`.
 *
 * @packageDocumentation
 */
export type { AdapterCallOptions } from "../adapter-backend.js";
export type { AdapterOptions, SharedLoadOptions } from "../adapter-options.js";
export { CandleEmbeddings } from "./embeddings.js";

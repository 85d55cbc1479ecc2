/**
 * An embedding for LlamaIndex.TS: `candle-embed/llamaindex`.
 *
 * @module candle-embed/llamaindex
 */
export type { AdapterCallOptions } from "../adapter-backend.js";
export type { AdapterOptions, SharedLoadOptions } from "../adapter-options.js";
export { CandleEmbedding } from "./embedding.js";

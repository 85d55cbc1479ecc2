/**
 * Embedding models for the AI SDK: `candle-embed/ai-sdk`.
 *
 * @module candle-embed/ai-sdk
 */
export type { AdapterOptions, SharedLoadOptions } from "../adapter-options.js";
export { embeddingModel, type CallOptions, type EmbeddingModelOptions } from "./embedding-model.js";
export type {
  CandleEmbeddingModel,
  EmbedAnswer,
  EmbedCall,
  Specification,
  Warning,
} from "./specifications.js";

/**
 * Text embeddings for Node: a Rust engine on Candle behind one interface.
 *
 * @module candle-embed
 */
export type {
  EmbeddingBackend,
  EmbedOptions,
  EmbedProgress,
  InputType,
  OutputType,
  OutputVector,
  Truncate,
  VectorSpace,
} from "./embedding-backend.js";
export type { Device, Dtype, LoadProgress, NativeOptions, Pooling } from "./backends/native-options.js";
export type { DownloadProgress } from "./hub/progress.js";
export { NativeBackend } from "./backends/native-backend.js";
export { ApiBackend } from "./backends/api/api-backend.js";
export type { ApiOptions } from "./backends/api/api-options.js";
export type { ApiPreset } from "./backends/api/presets.js";
export { FallbackBackend } from "./backends/fallback/fallback-backend.js";
export { apiWithLocalFallback } from "./backends/fallback/api-with-local-fallback.js";
export type { FallbackEvent, FallbackLogger, FallbackOptions } from "./backends/fallback/fallback-options.js";
export type { LazyBackend } from "./backends/fallback/member.js";
export { backendFromEnv, type EnvironmentOptions } from "./backends/backend-from-env.js";
export { Embeddings, type EmbeddingsInit } from "./embeddings.js";
export {
  CandleEmbedError,
  errorCodes,
  type CandleEmbedErrorCode,
  type CandleEmbedErrorDetails,
} from "./errors.js";
export { catalog, type CatalogEntry } from "./catalog.js";
export { cosineSimilarity, dotProduct } from "./similarity.js";
export type { TokenizedText, TokenizeOptions } from "./tokens.js";
export { topK, type SearchHit } from "./top-k.js";

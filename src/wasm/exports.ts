// The public names of @candle-embed/wasm.

export type {
  EmbeddingBackend,
  EmbedOptions,
  EmbedProgress,
  InputType,
  OutputType,
  OutputVector,
  Truncate,
  VectorSpace,
} from "../embedding-backend.js";
export type { LoadProgress, Pooling } from "../backends/native-options.js";
export type { DownloadProgress } from "../hub/progress.js";
export { catalog, type CatalogEntry } from "../catalog.js";
export { Embeddings, type EmbeddingsInit } from "../embeddings.js";
export {
  CandleEmbedError,
  errorCodes,
  type CandleEmbedErrorCode,
  type CandleEmbedErrorDetails,
} from "../errors.js";
export { cosineSimilarity, dotProduct } from "../similarity.js";
export type { TokenizedText, TokenizeOptions } from "../tokens.js";
export { topK, type SearchHit } from "../top-k.js";
export type { ModelFiles } from "./files-source.js";
export { WasmBackend } from "./wasm-backend.js";
export type { WasmOptions } from "./wasm-options.js";

/**
 * The embedding server: OpenAI's API of embeddings in front of any backends.
 *
 * @module candle-embed/server
 */
export { createServer, type EmbeddingServer } from "./create-server.js";
export type { LogLevel, LogRecord } from "./log.js";
export type {
  CloseOptions,
  ListenOptions,
  MetricsAccess,
  ServerOptions,
  TokenIds,
} from "./server-options.js";

/**
 * Vectors as PostgreSQL (pgvector) and Qdrant want them: `candle-embed/vector-stores`.
 *
 * @module candle-embed/vector-stores
 */
export { fromPgVector, toPgBit, toPgVector } from "./pgvector.js";
export { toQdrantPoints, type QdrantPoint, type QdrantPointOptions } from "./qdrant.js";

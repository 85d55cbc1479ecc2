/**
 * transformers.js' feature extraction on this package's engine: `candle-embed/transformers`.
 *
 * @module candle-embed/transformers
 */
export { pipeline, type FeatureExtractionOptions, type FeatureExtractionPipeline } from "./pipeline.js";
export type { PipelineOptions } from "./pipeline-options.js";
export { Tensor, type TensorData, type TensorType } from "./tensor.js";

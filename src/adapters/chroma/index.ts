/**
 * An embedding function for Chroma: `candle-embed/chroma`. Importing it registers the function.
 *
 * @module candle-embed/chroma
 */
import { knownEmbeddingFunctions, registerEmbeddingFunction } from "chromadb";

import { CandleEmbeddingFunction, functionName } from "./embedding-function.js";

export type { SharedLoadOptions } from "../adapter-options.js";
export type { StoredBackendOptions, StoredConfig } from "../stored-backend.js";
export { CandleEmbeddingFunction };

// Another copy of this package may have done it.
if (!knownEmbeddingFunctions.has(functionName))
  registerEmbeddingFunction(functionName, CandleEmbeddingFunction);

// The same class for `import`. chromadb has a registry of its own for it, apart from the one for `require`.
import { knownEmbeddingFunctions, registerEmbeddingFunction } from "chromadb";

import { CandleEmbeddingFunction, functionName } from "./embedding-function.js";

export type { SharedLoadOptions } from "../adapter-options.js";
export type { StoredBackendOptions, StoredConfig } from "../stored-backend.js";
export { CandleEmbeddingFunction };

if (!knownEmbeddingFunctions.has(functionName))
  registerEmbeddingFunction(functionName, CandleEmbeddingFunction);

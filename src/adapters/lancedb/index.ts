/**
 * An embedding function for LanceDB: `candle-embed/lancedb`. Importing it registers the function.
 *
 * @module candle-embed/lancedb
 */
import { getRegistry, register } from "@lancedb/lancedb/embedding";

import { CandleEmbeddingFunction } from "./embedding-function.js";

export type { SharedLoadOptions } from "../adapter-options.js";
export type { StoredBackendOptions, StoredConfig } from "../stored-backend.js";
export { CandleEmbeddingFunction };

const name = "candle-embed";

// Another copy of this package may have done it.
if (getRegistry().get(name) === undefined) register(name)(CandleEmbeddingFunction);

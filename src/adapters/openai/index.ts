/**
 * OpenAI's client without OpenAI: `candle-embed/openai`.
 *
 * @module candle-embed/openai
 */
export type { SharedLoadOptions } from "../adapter-options.js";
export { openaiFetch, type OpenAIFetch, type OpenAIFetchOptions } from "./openai-fetch.js";

/**
 * A plugin for Orama: `candle-embed/orama`.
 *
 * @module candle-embed/orama
 */
export type { AdapterCallOptions } from "../adapter-backend.js";
export type { AdapterOptions, SharedLoadOptions } from "../adapter-options.js";
export { pluginCandleEmbed, type OramaPlugin, type OramaPluginOptions } from "./plugin.js";

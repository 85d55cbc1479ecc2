/**
 * A plugin for Orama: `candle-embed/orama`.
 *
 * @packageDocumentation
 */
export type { AdapterCallOptions } from "../adapter-backend.js";
export type { AdapterOptions, SharedLoadOptions } from "../adapter-options.js";
export { pluginCandleEmbed, type OramaPlugin, type OramaPluginOptions } from "./plugin.js";

// What the harness knows of an engine: how it is started, what it may choose, how near its answers have to be.
import { engineScript } from "../lib/paths.mjs";

/**
 * @typedef {import("../lib/models.mjs").Model} Model
 * @typedef {import("../lib/models.mjs").ModelName} ModelName
 * @typedef {import("../lib/environments.mjs").EnvironmentName} EnvironmentName
 * @typedef {import("../lib/models.mjs").ExportName} ExportName
 *
 * @typedef {object} Settings
 * @property {number} [batch] texts in a batch
 * @property {boolean} [sorted] batches of texts of about the same length; false: in the order of the file
 * @property {string} [graph] an ONNX file
 *
 * @typedef {object} EngineDefinition
 * @property {string} name
 * @property {"float32" | "int8"} dtype
 * @property {"JavaScript" | "Python" | "Rust" | "HTTP"} from the language it is called from
 * @property {boolean} [ours]
 * @property {number} minCosine of the worst sampled vector to the reference; below it the engine does not count
 * @property {readonly ModelName[]} models
 * @property {EnvironmentName} [environment] what has to be installed
 * @property {ExportName} [needs] files that have to be made of the model
 * @property {(threads: number) => { command: string, args: string[], env?: Record<string, string> }} start
 * @property {(model: Model) => string} model what it loads
 * @property {(model: Model) => Settings} standard what its documentation shows, or its own default
 * @property {(model: Model) => { choices: Settings[], batches: readonly number[] }} settings what may be tried beyond
 * @property {(model: Model, threads: number) => string | undefined} [missing] why it can't take part
 */

/** A cosine that float32 with sums in another order keeps. */
export const FLOAT32 = 0.9999;

export const BERT = /** @type {const} */ (["minilm", "base-shape"]);

/** Tried one after the other, from the middle; 64 only where 32 was better than 16. */
export const BATCHES = [8, 16, 32, 64];

/** Nobody's default sorts: batches of 32 in the order of the file, where the documentation shows no other number. */
export const PLAIN = { batch: 32, sorted: false };

/** @param {string} script */
export const node = (script) => () => ({ command: process.execPath, args: [engineScript(script)] });

import type { EmbedOptions, InputType } from "../embedding-backend.js";
import type { EngineEmbedOptions } from "../engine.js";
import {
  checkOptions,
  describe,
  invalid,
  isAbortSignal,
  isBoolean,
  isFunction,
  isOneOf,
  isPositiveInteger,
  isString,
  type OptionCheck,
} from "./check-options.js";

const checks = {
  inputType: isOneOf(["query", "document"]),
  promptName: isString,
  prompt: isString,
  dimensions: isPositiveInteger,
  cutWithoutMatryoshka: isBoolean,
  normalize: isBoolean,
  truncate: isOneOf(["end", "start", "error"]),
  outputType: isOneOf(["float32", "int8", "uint8", "binary", "ubinary"]),
  signal: isAbortSignal,
  onProgress: isFunction,
} satisfies Record<keyof EmbedOptions, OptionCheck>;

/** Checks the options of a call. What only the model knows (its dimensions, its prompts) the engine checks. */
export function checkEmbedOptions(options: EmbedOptions): void {
  checkOptions(options, checks);
}

/** The options of a call as the engine takes them. */
export function toEngineEmbedOptions(options: EmbedOptions): EngineEmbedOptions {
  const { inputType, promptName, prompt, dimensions, cutWithoutMatryoshka } = options;
  const { normalize, truncate, outputType } = options;
  return {
    ...(inputType !== undefined && { inputType }),
    ...(promptName !== undefined && { promptName }),
    ...(prompt !== undefined && { prompt }),
    ...(dimensions !== undefined && { dimensions }),
    ...(cutWithoutMatryoshka !== undefined && { cutWithoutMatryoshka }),
    ...(normalize !== undefined && { normalize }),
    ...(truncate !== undefined && { truncate }),
    ...(outputType !== undefined && { outputType }),
  };
}

/** The options with this `inputType`; another one given by the caller contradicts the method it called. */
export function withInputType<Options extends EmbedOptions>(
  options: Options | undefined,
  inputType: InputType,
): Options & { inputType: InputType } {
  checkOptions(options, checks);
  if (options?.inputType !== undefined && options.inputType !== inputType) {
    throw invalid(
      `inputType ${describe(options.inputType)} contradicts this method; call embed() to choose it freely`,
    );
  }
  return { ...(options as Options), inputType };
}

/** A copy of the caller's texts, every one checked to be a string. */
export function copyTexts(texts: unknown): readonly string[] {
  if (typeof texts === "string") return [texts];
  if (!Array.isArray(texts))
    throw invalid(`texts must be a string or an array of strings, not ${describe(texts)}`);
  const copy = texts.slice() as unknown[];
  for (let index = 0; index < copy.length; index++) {
    if (typeof copy[index] !== "string") {
      throw invalid(`text ${String(index)} must be a string, not ${describe(copy[index])}`, index);
    }
  }
  return copy as string[];
}

import {
  checkOptions,
  invalid,
  isBoolean,
  isFilledString,
  isOneOf,
  isPositiveInteger,
  type OptionCheck,
} from "../backends/check-options.js";
import type { LazyBackend } from "../backends/fallback/member.js";
import type { NativeOptions } from "../backends/native-options.js";
import type { EmbeddingBackend, EmbedOptions } from "../embedding-backend.js";

/** Options of `NativeBackend.load`, but for those of one load: adapters share the model that they load. */
export type SharedLoadOptions = Omit<NativeOptions, "signal" | "onProgress">;

/** What every call of an adapter asks for. */
export type CallDefaults = Pick<
  EmbedOptions,
  "dimensions" | "cutWithoutMatryoshka" | "normalize" | "truncate"
>;

/** Which model an adapter uses, and how. Without options: the embedded one, loaded when it is first needed. */
export interface AdapterOptions extends CallDefaults {
  /**
   * Any backend: native, WebAssembly, an API, a fallback. It stays yours to dispose. A function is called when a backend is
   * first needed, and what it gives ends with the adapter.
   */
  readonly backend?: EmbeddingBackend | LazyBackend | undefined;
  /** Instead of a backend: what `NativeBackend.load` takes. All adapters of a process that load the same model share it. */
  readonly model?: string | undefined;
  /** How `model` is loaded. */
  readonly load?: SharedLoadOptions | undefined;
}

const isBackend: OptionCheck = (value) => {
  if (typeof value === "function") return undefined;
  const { embedQuery, embedDocuments, space } = Object(value) as Partial<EmbeddingBackend>;
  return typeof embedQuery === "function" && typeof embedDocuments === "function" && typeof space === "object"
    ? undefined
    : "a backend, or a function that loads one";
};

/** What a load checks itself is left to it. */
const isLoadOptions: OptionCheck = (value) =>
  typeof value === "object" && value !== null && !("signal" in value) && !("onProgress" in value)
    ? undefined
    : "an object of the options of NativeBackend.load without signal and onProgress (load a backend yourself for those)";

export const callDefaultChecks = {
  dimensions: isPositiveInteger,
  cutWithoutMatryoshka: isBoolean,
  normalize: isBoolean,
  truncate: isOneOf(["end", "start", "error"]),
} satisfies Record<keyof CallDefaults, OptionCheck>;

const checks = {
  backend: isBackend,
  model: isFilledString,
  load: isLoadOptions,
  ...callDefaultChecks,
} satisfies Record<keyof AdapterOptions, OptionCheck>;

/** @throws CandleEmbedError `INVALID_INPUT` for options that are unknown, wrong or contradict each other. */
export function checkAdapterOptions(
  options: AdapterOptions,
  more: Readonly<Record<string, OptionCheck>> = {},
): void {
  checkOptions(options, { ...checks, ...more });
  for (const name of ["model", "load"] as const) {
    if (options.backend !== undefined && options[name] !== undefined) {
      throw invalid(`options "backend" and "${name}" contradict each other; pass one of them`);
    }
  }
}

/** The options that go with every call, and no others. */
export function callDefaults(options: CallDefaults): CallDefaults {
  const { dimensions, cutWithoutMatryoshka, normalize, truncate } = options;
  return {
    ...(dimensions !== undefined && { dimensions }),
    ...(cutWithoutMatryoshka !== undefined && { cutWithoutMatryoshka }),
    ...(normalize !== undefined && { normalize }),
    ...(truncate !== undefined && { truncate }),
  };
}

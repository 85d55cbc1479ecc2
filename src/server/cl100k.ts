/** OpenAI's tokenizer of its embedding models. */
export interface Cl100k {
  encode(text: string): ArrayLike<number>;
  /** `undefined` where a token is unknown. */
  decode(ids: readonly number[]): string | undefined;
}

/** What is used of gpt-tokenizer. */
interface GptTokenizer {
  readonly encode: (text: string, options: { disallowedSpecial: ReadonlySet<string> }) => number[];
  readonly decode: (ids: Iterable<number>) => string;
}

let loaded: Cl100k | undefined;

/** From the optional package gpt-tokenizer; `undefined` where it is not installed. It is looked for until it is there. */
export function loadCl100k(): Cl100k | undefined {
  if (loaded !== undefined) return loaded;
  let module: GptTokenizer;
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- optional, and 130 ms to load
    module = require("gpt-tokenizer/encoding/cl100k_base") as GptTokenizer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
  const { encode, decode } = module;
  loaded = {
    // Special tokens that stand in a text are text.
    encode: (text) => encode(text, { disallowedSpecial: new Set() }),
    decode: (ids) => {
      try {
        return decode(ids);
      } catch {
        return undefined;
      }
    },
  };
  return loaded;
}

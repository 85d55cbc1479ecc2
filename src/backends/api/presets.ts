/** What is different from API to API. Everything can be overridden by the option of the same name. */
interface Preset {
  readonly baseUrl: string;
  /** The service refuses requests without a key. */
  readonly needsKey: boolean;
  /** How vectors are asked for. Answers are read in either form, whatever was asked for. */
  readonly encoding: "base64" | "float";
  /** Texts a request may have. */
  readonly batchSize: number;
  /** Tokens a request may have. */
  readonly batchTokens?: number;
}

/**
 * Services and servers known by name, with their documented defaults. `float` where base64 is documented as missing or not
 * at all; TEI's limit of 32 texts is the default of its `--max-client-batch-size`.
 */
export const presets = {
  openai: {
    baseUrl: "https://api.openai.com/v1",
    needsKey: true,
    encoding: "base64",
    batchSize: 2048,
    batchTokens: 300_000,
  },
  deepinfra: {
    baseUrl: "https://api.deepinfra.com/v1/openai",
    needsKey: true,
    encoding: "float",
    batchSize: 1024,
  },
  together: { baseUrl: "https://api.together.xyz/v1", needsKey: true, encoding: "float", batchSize: 128 },
  ollama: { baseUrl: "http://localhost:11434/v1", needsKey: false, encoding: "base64", batchSize: 128 },
  lmstudio: { baseUrl: "http://localhost:1234/v1", needsKey: false, encoding: "float", batchSize: 128 },
  tei: { baseUrl: "http://localhost:3000/v1", needsKey: false, encoding: "base64", batchSize: 32 },
  "llama.cpp": { baseUrl: "http://localhost:8080/v1", needsKey: false, encoding: "base64", batchSize: 128 },
  vllm: { baseUrl: "http://localhost:8000/v1", needsKey: false, encoding: "base64", batchSize: 128 },
  "candle-embed": {
    baseUrl: "http://localhost:8080/v1",
    needsKey: false,
    encoding: "base64",
    batchSize: 2048,
  },
} as const satisfies Readonly<Record<string, Preset>>;

/** A service or server whose address and limits are known. */
export type ApiPreset = keyof typeof presets;

export const presetNames = Object.keys(presets) as readonly ApiPreset[];

export function findPreset(name: ApiPreset | undefined): Preset | undefined {
  return name === undefined ? undefined : presets[name];
}

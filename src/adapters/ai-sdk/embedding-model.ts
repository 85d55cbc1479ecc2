import { checkOptions, isOneOf, isString, type OptionCheck } from "../../backends/check-options.js";
import { defaultModel } from "../../catalog.js";
import type { EmbedOptions, InputType } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import { AdapterBackend } from "../adapter-backend.js";
import { callDefaultChecks, type AdapterOptions, type CallDefaults } from "../adapter-options.js";
import type {
  CandleEmbeddingModel,
  EmbedAnswer,
  EmbedCall,
  Specification,
  Warning,
} from "./specifications.js";

/** The name of the provider, and of its part of `providerOptions` and `providerMetadata`. */
const provider = "candle-embed";

/** What `providerOptions: { "candle-embed": ... }` of a call may say. */
export interface CallOptions extends CallDefaults {
  /** Takes the model's prompt for queries or documents; the AI SDK itself does not tell them apart. */
  readonly inputType?: InputType | undefined;
  /** A prompt of the model's by its name. */
  readonly promptName?: string | undefined;
  /** A prompt of your own before every text. */
  readonly prompt?: string | undefined;
}

/** Options of {@link embeddingModel}. */
export interface EmbeddingModelOptions<Spec extends Specification = "v4"> extends AdapterOptions {
  /** `"v4"` (default) for `ai` 7, `"v3"` for 6 and 7, `"v2"` for 5 and later. */
  readonly specification?: Spec | undefined;
  /** What its texts are, where a call does not say. */
  readonly inputType?: InputType | undefined;
}

const inputType = isOneOf(["query", "document"]);

const callChecks = {
  ...callDefaultChecks,
  inputType,
  promptName: isString,
  prompt: isString,
} satisfies Record<keyof CallOptions, OptionCheck>;

/**
 * An embedding model for `embed` and `embedMany` of the AI SDK, and for all that takes its models (Mastra).
 *
 * ```ts
 * const { embeddings } = await embedMany({ model: embeddingModel(), values });
 * ```
 *
 * @throws CandleEmbedError `INVALID_INPUT` for wrong options.
 */
export function embeddingModel<Spec extends Specification = "v4">(
  options: EmbeddingModelOptions<Spec> = {},
): CandleEmbeddingModel<Spec> {
  const more = { specification: isOneOf(["v2", "v3", "v4"]), inputType };
  const backend = new AdapterBackend(options, more);
  const specification = options.specification ?? "v4";
  const doEmbed = async (call: EmbedCall): Promise<EmbedAnswer & { warnings?: Warning[] }> => {
    const { signal, ...how } = toEmbedOptions(call, options.inputType);
    const loaded = await backend.get(signal);
    const embeddings = await loaded.embed(call.values, { ...backend.defaults, ...how, signal });
    return { ...toAnswer(embeddings), ...(specification !== "v2" && { warnings: warningsOf(embeddings) }) };
  };
  const model = {
    specificationVersion: specification,
    provider,
    get modelId() {
      return backend.loaded?.modelId ?? options.model ?? defaultModel;
    },
    // A call of any size takes the same memory.
    maxEmbeddingsPerCall: Infinity,
    supportsParallelCalls: true,
    doEmbed,
    dispose: () => backend.dispose(),
    [Symbol.asyncDispose]: () => backend.dispose(),
  };
  // The compiler cannot tell that `warnings` are there exactly where `Spec` has them.
  return model as CandleEmbeddingModel<Spec>;
}

function toEmbedOptions(
  { abortSignal, dimensions, providerOptions }: EmbedCall,
  usual: InputType | undefined,
): EmbedOptions<"float32"> {
  const own = providerOptions?.[provider] as CallOptions | undefined;
  checkOptions(own, callChecks);
  return {
    ...(usual !== undefined && { inputType: usual }),
    ...(dimensions !== undefined && { dimensions }),
    ...own,
    signal: abortSignal,
  };
}

function toAnswer(embeddings: Embeddings): EmbedAnswer {
  const tokens = embeddings.tokens.reduce((sum, each) => sum + each, 0);
  return {
    embeddings: embeddings.toArrays(),
    ...(tokens > 0 && { usage: { tokens } }),
    providerMetadata: { [provider]: { backend: embeddings.backend, truncated: [...embeddings.truncated] } },
  };
}

function warningsOf({ truncated, count }: Embeddings): Warning[] {
  if (truncated.length === 0) return [];
  const message =
    `${String(truncated.length)} of ${String(count)} texts are longer than the model reads and were cut; the first is ` +
    `text ${String(truncated[0])} (all in providerMetadata)`;
  return [{ type: "other", message }];
}

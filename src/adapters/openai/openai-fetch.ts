import { disposed } from "../../backends/base-backend.js";
import { isFilledString, type OptionCheck } from "../../backends/check-options.js";
import type { EmbeddingServer } from "../../server/create-server.js";
import { untilAborted } from "../../utils/until-aborted.js";
import { AdapterBackend } from "../adapter-backend.js";
import type { AdapterOptions } from "../adapter-options.js";

/** Options of {@link openaiFetch}. What decides over a call comes with the request. */
export interface OpenAIFetchOptions extends Pick<AdapterOptions, "backend" | "model" | "load"> {
  /** Further names that requests may call the model by, for programs that know only their own: `["text-embedding-3-small"]`. */
  readonly aliases?: readonly string[] | undefined;
}

/** A `fetch` whose requests are answered in this process. */
export interface OpenAIFetch extends AsyncDisposable {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Answers what has come, and gives back a model that was loaded; a backend that was passed goes on. */
  dispose(): Promise<void>;
}

/**
 * Tokens of a call to the backend. A server for many takes 2,048, so that nobody waits long behind another; here one program
 * waits for itself, and 1,000 short texts take 3 to 10 % less time in one call than in the seven that the server would make.
 */
const batchTokens = 16_384;

const checks: Readonly<Record<string, OptionCheck>> = {
  aliases: (value) =>
    Array.isArray(value) && value.every((each) => isFilledString(each) === undefined)
      ? undefined
      : "an array of names",
};

/**
 * A `fetch` for clients of OpenAI's API, answered by a model in this process: no port, no key, no network.
 *
 * ```ts
 * const client = new OpenAI({ apiKey: "unused", fetch: openaiFetch() });
 * ```
 *
 * It is the `fetch` of a server of `candle-embed/server`, made at the first request. The model answers to its name, with
 * and without its organisation, to the `aliases`, and nothing else: a program that asks for OpenAI's models is told so.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for wrong options.
 */
export function openaiFetch(options: OpenAIFetchOptions = {}): OpenAIFetch {
  const backend = new AdapterBackend(options, checks);
  let starting: Promise<EmbeddingServer> | undefined;
  let disposal: Promise<void> | undefined;

  const start = async (): Promise<EmbeddingServer> => {
    const loaded = await backend.get();
    const { createServer } = await import("../../server/create-server.js");
    const name = shortName(loaded.modelId);
    const wanted = [loaded.modelId, ...(options.model === undefined ? [] : [options.model])];
    const aliases = [...wanted, ...(options.aliases ?? [])].filter((each) => each !== name);
    return createServer({
      models: { [name]: loaded },
      aliases: Object.fromEntries(aliases.map((each) => [each, name])),
      batchTokens,
    });
  };
  const server = (): Promise<EmbeddingServer> => {
    starting ??= start().catch((error: unknown) => {
      // The next request tries again.
      starting = undefined;
      throw error;
    });
    return starting;
  };
  const dispose = (): Promise<void> => {
    disposal ??= (async () => {
      await (await starting?.catch(() => undefined))?.close();
      await backend.dispose();
    })();
    return disposal;
  };

  const answer = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    if (disposal !== undefined) throw disposed();
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const { fetch } = await (signal === undefined ? server() : untilAborted(signal, server));
    return fetch(input, init);
  };
  return Object.assign(answer, { dispose, [Symbol.asyncDispose]: dispose });
}

/** `"all-MiniLM-L6-v2"` of `"sentence-transformers/all-MiniLM-L6-v2"`. */
function shortName(modelId: string): string {
  return modelId.slice(modelId.lastIndexOf("/") + 1);
}

import type { SplitText } from "../../bulk/batches.js";
import { resolveSizes } from "../../chunking/chunk-options.js";
import { chunkText } from "../../chunking/chunk-text.js";
import type { Tokenizer } from "../../chunking/tokenizer.js";
import { asUsage } from "../as-usage.js";
import { UsageError } from "../command.js";
import { parseCount, parseWhole } from "../parse.js";
import type { EmbedRequest } from "./run-embed.js";

/** What `--chunk` makes of a text; `undefined` where texts stay whole. */
export function splitter({ backend, call, values }: EmbedRequest): SplitText | undefined {
  const tokens = parseCount("chunk", values.chunk);
  const overlap = parseWhole("overlap", values.overlap);
  if (tokens === undefined) {
    if (overlap !== undefined) throw new UsageError("--overlap is of chunks: pass --chunk TOKENS too");
    return undefined;
  }
  if (!("tokenize" in backend)) {
    throw new UsageError(
      "--chunk needs a model in this process: split the texts for an API with candle-embed chunk",
    );
  }
  const options = { tokens, overlap, inputType: call.inputType, signal: call.signal };
  asUsage(() => resolveSizes(options, backend.maxTokens), { tokens: "chunk", overlap: "overlap" });
  const tokenizer = backend as unknown as Tokenizer;
  return async function* split(text) {
    let number = 0;
    for await (const { text: part, start, end } of chunkText(tokenizer, text.text, options)) {
      yield { ...text, text: part, chunk: { number: number++, start, end } };
    }
  };
}

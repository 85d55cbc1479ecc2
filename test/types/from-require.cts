// The package as a CommonJS program sees its types. Compiled, never run.
import candleEmbed = require("candle-embed");

export async function use(): Promise<number> {
  const backend: candleEmbed.EmbeddingBackend = await candleEmbed.NativeBackend.load();
  const { count } = await backend.embed(["a", "b"]);
  return count;
}

export function codeOf(error: unknown): candleEmbed.CandleEmbedErrorCode | undefined {
  return candleEmbed.CandleEmbedError.isInstance(error) ? error.code : undefined;
}

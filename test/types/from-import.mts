// The package as an ES module program sees its types. Compiled, never run.
import {
  ApiBackend,
  apiWithLocalFallback,
  backendFromEnv,
  catalog,
  cosineSimilarity,
  FallbackBackend,
  NativeBackend,
  topK,
  type CatalogEntry,
  type EmbeddingBackend,
  type Embeddings,
  type EmbedOptions,
  type SearchHit,
  type VectorSpace,
} from "candle-embed";
import { chunkText, type Chunk } from "candle-embed/chunking";

import { createServer, type EmbeddingServer } from "candle-embed/server";

declare const backend: EmbeddingBackend;
declare const someOptions: EmbedOptions;

// The output type decides the array type.
const plain = await backend.embed("a");
export const result: Embeddings = plain;
export const float32: Float32Array = plain.data;
export const int8: Int8Array = (await backend.embed(["a"] as const, { outputType: "int8" })).data;
export const packed: Uint8Array = await backend.embedQuery("a", { outputType: "ubinary", dimensions: 64 });
const open = await backend.embedDocuments(["a"], someOptions);
export const any: Float32Array | Int8Array | Uint8Array = open.data;
// @ts-expect-error -- options that may hold any output type promise none
export const wrong: Float32Array = open.data;

// A backend ends with its scope, and options may be undefined.
export async function scoped(signal: AbortSignal | undefined): Promise<number[][]> {
  await using local: NativeBackend = await NativeBackend.load(undefined, {
    threads: 2,
    device: "cuda:0",
    signal,
  });
  return (await local.embed("a", { signal, truncate: "error" })).toArrays();
}

export async function firstChunk(local: NativeBackend): Promise<Chunk | undefined> {
  for await (const chunk of chunkText(local, "a", { tokens: 64, overlap: 8, format: "markdown" }))
    return chunk;
  // @ts-expect-error -- an API's tokenizer is not known
  chunkText(backend, "a");
  return undefined;
}

export const hits: SearchHit[] = topK(plain.at(0), plain, 3);
export const score: number = cosineSimilarity(plain.at(0), [1, 2, 3]);
export const space: VectorSpace = backend.space;
export const entry: CatalogEntry | undefined = catalog[0];

// @ts-expect-error -- not a type of output
await backend.embed("a", { outputType: "float16" });
// @ts-expect-error -- no such option
await backend.embed("a", { dimension: 3 });
// @ts-expect-error -- one text only
await backend.embedQuery(["a"]);
// @ts-expect-error -- many texts only
await backend.embedDocuments("a");
// @ts-expect-error -- a number is no text
await backend.embed([1]);
// @ts-expect-error -- results cannot be replaced
plain.data = new Float32Array(3);
// @ts-expect-error -- made by load
new NativeBackend();
// @ts-expect-error -- no such device
await NativeBackend.load("all-MiniLM-L6-v2", { device: "gpu" });

export async function serve(): Promise<number> {
  await using server: EmbeddingServer = await createServer({
    models: { a: backend, b: () => NativeBackend.load() },
  });
  const client: typeof fetch = server.fetch;
  return (await client("http://localhost/health")).status;
}
// @ts-expect-error -- models are missing
await createServer({});

export async function remote(): Promise<EmbeddingBackend> {
  const api = await ApiBackend.connect({ preset: "openai", model: "m", apiKey: async () => "k", fetch });
  const lazy = await apiWithLocalFallback(api, () => NativeBackend.load(), { logger: console });
  const both: FallbackBackend = await FallbackBackend.create([lazy, api], {
    onFallback: ({ from }) => from.length,
  });
  return (await both.embed("a")).backend === "api"
    ? both
    : backendFromEnv({ env: { EMBEDDING_PROVIDER: "native" } });
}
// @ts-expect-error -- no such preset
await ApiBackend.connect({ preset: "azure", model: "m" });
// @ts-expect-error -- what the API calls the model is missing
await ApiBackend.connect({ baseUrl: "http://localhost" });
// @ts-expect-error -- made by create
new FallbackBackend([]);

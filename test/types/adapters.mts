// The adapters are what the libraries' own types want. Compiled, never run.
import type { EmbeddingModelV2, EmbeddingModelV3, EmbeddingModelV4 } from "@ai-sdk/provider";
import { LanceSchema, type EmbeddingFunction as LanceFunction } from "@lancedb/lancedb/embedding";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { BaseEmbedding } from "@llamaindex/core/embeddings";
import type { TransformComponent } from "@llamaindex/core/schema";
import { create, type OramaPlugin } from "@orama/orama";
import type { Schemas } from "@qdrant/js-client-rest";
import type { EmbeddingModel } from "ai";
import type { EmbeddingModel as EmbeddingModel7 } from "ai-7";
import type { EmbeddingFunction, EmbeddingFunctionClass } from "chromadb";
import OpenAI from "openai";

import type { ApiBackend, Embeddings, FallbackBackend, NativeBackend } from "candle-embed";
import { embeddingModel } from "candle-embed/ai-sdk";
import { CandleEmbeddingFunction as ChromaFunction } from "candle-embed/chroma";
import { CandleEmbeddings } from "candle-embed/langchain";
import { CandleEmbeddingFunction } from "candle-embed/lancedb";
import { CandleEmbedding } from "candle-embed/llamaindex";
import { openaiFetch } from "candle-embed/openai";
import { pluginCandleEmbed } from "candle-embed/orama";
import { pipeline, type Tensor } from "candle-embed/transformers";
import { fromPgVector, toPgBit, toPgVector, toQdrantPoints } from "candle-embed/vector-stores";

declare const native: NativeBackend;
declare const api: ApiBackend;
declare const fallback: FallbackBackend;
declare const embeddings: Embeddings;

export const langchain: EmbeddingsInterface = new CandleEmbeddings({ backend: native, dimensions: 256 });

export const v4: EmbeddingModelV4 = embeddingModel({ backend: api });
export const v3: EmbeddingModelV3 = embeddingModel({
  backend: () => Promise.resolve(fallback),
  specification: "v3",
});
export const v2: EmbeddingModelV2<string> = embeddingModel({ specification: "v2" });
export const ofAi6: EmbeddingModel[] = [
  embeddingModel({ specification: "v3" }),
  embeddingModel({ specification: "v2" }),
];
export const ofAi7: EmbeddingModel7[] = [v4, v3, v2];
// @ts-expect-error -- ai 6 does not know v4
export const tooNew: EmbeddingModel = embeddingModel();
export const warnings: object[] = (await embeddingModel().doEmbed({ values: ["a"] })).warnings;

export const llamaindex: BaseEmbedding = new CandleEmbedding();
export const transformation: TransformComponent = new CandleEmbedding({ model: "bge-small-en-v1.5" });

export const chroma: EmbeddingFunction = new ChromaFunction({ model: "bge-small-en-v1.5", dtype: "int8" });
export const chromaClass: EmbeddingFunctionClass = ChromaFunction;
// @ts-expect-error -- a collection has to know which model it is
export const lazyChroma = new ChromaFunction({ backend: () => Promise.resolve(native) });

const lance = await CandleEmbeddingFunction.create({ backend: native });
export const lanceFunction: LanceFunction<string> = lance;
export const schema = LanceSchema({ text: lance.sourceField(), vector: lance.vectorField() });

const plugin = pluginCandleEmbed({ text: ["title"] });
export const orama: OramaPlugin = plugin;
create({ schema: { title: "string", embedding: "vector[384]" }, plugins: [plugin] });
export const same: { title: string }[] = await plugin.embed([{ title: "a" }]);
// @ts-expect-error -- nobody can guess what of a document is text
pluginCandleEmbed({});

const extractor = await pipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2", { dtype: "q8" });
export const tensor: Tensor = await extractor(["a"], { pooling: "mean", normalize: true });
export const row: Tensor | undefined = tensor[0];
// @ts-expect-error -- transformers.js' default, vectors of tokens, is not to be had
await extractor(["a"]);

export const client = new OpenAI({
  apiKey: "unused",
  fetch: openaiFetch({ aliases: ["text-embedding-3-small"] }),
});

export const points: Schemas["PointStruct"][] = toQdrantPoints(embeddings, { ids: [1] });
export const literal: string = toPgVector(embeddings.at(0)) + toPgBit(new Uint8Array(8));
export const parsed: Float32Array = fromPgVector("[1,2]");

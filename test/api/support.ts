import { afterAll } from "vitest";

import {
  ApiBackend,
  CandleEmbedError,
  Embeddings,
  type ApiOptions,
  type EmbeddingBackend,
} from "candle-embed";

import { dimensions, vectorOf, type FakeApi } from "./fake-api.js";

/** A backend for the fake server that is gone after the test file. */
export async function connect(api: FakeApi, options: Partial<ApiOptions> = {}): Promise<ApiBackend> {
  const backend = await ApiBackend.connect({ baseUrl: api.url, model: "model", dimensions, ...options });
  afterAll(() => backend.dispose());
  return backend;
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<CandleEmbedError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (CandleEmbedError.isInstance(outcome)) return outcome;
  throw new Error(`no CandleEmbedError, but ${String(outcome)}`);
}

/** A backend in this process with the fake server's vectors, or those of another model. */
export function localBackend(model = "model", id = "ab".repeat(32)): EmbeddingBackend & { calls: number } {
  const embed = (texts: string | readonly string[]): Promise<Embeddings> => {
    backend.calls++;
    const list = typeof texts === "string" ? [texts] : texts;
    return Promise.resolve(
      new Embeddings({
        data: Float32Array.from(list.flatMap((text) => [...vectorOf(text, model)])),
        dimensions,
        tokens: new Uint32Array(list.length),
        truncated: [],
        backend: "native",
      }),
    );
  };
  const backend = {
    calls: 0,
    modelId: model,
    revision: "1",
    dimensions,
    maxTokens: 16,
    space: { id, modelId: model, revision: "1", dimensions, pooling: "mean", normalized: true, prompts: {} },
    embed,
    embedQuery: async (text: string) => (await embed(text)).data,
    embedDocuments: embed,
    dispose: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return backend as unknown as EmbeddingBackend & { calls: number };
}

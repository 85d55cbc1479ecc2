// What all adapters have from one place: which backend they use, when it is loaded, how it ends.
import { expect, it, vi } from "vitest";

import { NativeBackend, type EmbeddingBackend } from "candle-embed";
import { embeddingModel } from "candle-embed/ai-sdk";
import { CandleEmbeddings } from "candle-embed/langchain";
import { CandleEmbedding } from "candle-embed/llamaindex";

import { finished, loadPrompted, promptedModel, startNode, temporaryFolder, texts } from "./support.js";

const { backend, documents } = await loadPrompted();

it("loads the embedded model by itself", async () => {
  await using embeddings = new CandleEmbeddings();
  const native = await NativeBackend.load();
  expect(await embeddings.embedDocuments(["a text"])).toEqual(
    (await native.embedDocuments(["a text"])).toArrays(),
  );
  await native.dispose();
});

it("loads a model once for all adapters, and frees it with the last of them", async () => {
  const load = vi.spyOn(NativeBackend, "load");
  const disposed = vi.spyOn(NativeBackend.prototype, "dispose");
  const options = { model: promptedModel, load: { threads: 1 } };
  const [a, b] = [new CandleEmbeddings(options), new CandleEmbedding(options)];
  expect(await Promise.all([a.embedDocuments(texts), b.getTextEmbeddings(texts)])).toEqual([
    documents,
    documents,
  ]);
  expect(load).toHaveBeenCalledTimes(1);
  await a.dispose();
  expect(disposed).not.toHaveBeenCalled();
  expect(await b.getTextEmbeddings(texts)).toEqual(documents);
  await b.dispose();
  expect(disposed).toHaveBeenCalledTimes(1);
  await expect(b.getTextEmbeddings(texts)).rejects.toMatchObject({ code: "DISPOSED" });
  vi.restoreAllMocks();
});

it("another load has another model", async () => {
  const load = vi.spyOn(NativeBackend, "load");
  await using a = new CandleEmbeddings({ model: promptedModel, load: { threads: 1 } });
  await using b = new CandleEmbeddings({ model: promptedModel, load: { threads: 2 } });
  await Promise.all([a.embedQuery("x"), b.embedQuery("x")]);
  expect(load).toHaveBeenCalledTimes(2);
  vi.restoreAllMocks();
});

it("a load that failed is tried again", async () => {
  const load = vi
    .fn<() => Promise<EmbeddingBackend>>()
    .mockRejectedValueOnce(new Error("not now"))
    .mockImplementation(() => NativeBackend.load(promptedModel));
  const embeddings = new CandleEmbeddings({ backend: load });
  await expect(embeddings.embedDocuments(texts)).rejects.toThrow("not now");
  expect(await embeddings.embedDocuments(texts)).toEqual(documents);
  expect(load).toHaveBeenCalledTimes(2);
  await embeddings.dispose();

  const missing = new CandleEmbeddings({ model: `${temporaryFolder()}/absent` });
  for (let i = 0; i < 2; i++) {
    await expect(missing.embedQuery("x")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  }
});

it("disposed while it loads, it leaves nothing behind", async () => {
  const disposed = vi.spyOn(NativeBackend.prototype, "dispose");
  const embeddings = new CandleEmbeddings({ backend: () => NativeBackend.load(promptedModel) });
  const call = embeddings.embedQuery("x");
  const refused = expect(call).rejects.toMatchObject({ code: "DISPOSED" });
  await embeddings.dispose();
  await refused;
  expect(disposed).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
});

it("leaves a backend that it was given to its owner", async () => {
  const embeddings = new CandleEmbeddings({ backend });
  await embeddings.dispose();
  await expect(embeddings.embedQuery("x")).rejects.toMatchObject({ code: "DISPOSED" });
  expect((await backend.embed(texts)).count).toBe(texts.length);
});

it("passes a cancellation on, also while the model loads", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  const loading = new CandleEmbeddings({ backend: () => new Promise(() => undefined) });
  const late = AbortSignal.timeout(20);
  for (const call of [
    new CandleEmbeddings({ backend }).embedDocuments(texts, { signal }),
    new CandleEmbeddings({ backend }).embedQuery("x", { signal }),
    new CandleEmbedding({ backend }).getTextEmbeddings(texts, { signal }),
    embeddingModel({ backend }).doEmbed({ values: texts, abortSignal: signal }),
    loading.embedQuery("x", { signal: late }),
  ]) {
    await expect(call).rejects.toMatchObject({ code: "ABORTED", name: "AbortError" });
  }
});

it("asks every call for what it was told", async () => {
  const cut = new CandleEmbeddings({ backend, dimensions: 8, cutWithoutMatryoshka: true });
  const expected = await backend.embedDocuments(texts, { dimensions: 8, cutWithoutMatryoshka: true });
  expect(await cut.embedDocuments(texts)).toEqual(expected.toArrays());
  const strict = new CandleEmbeddings({ backend, truncate: "error" });
  await expect(strict.embedQuery("word ".repeat(2000))).rejects.toMatchObject({ code: "INPUT_TOO_LONG" });
});

it.each([
  [{ backend: 7 }, /"backend" must be a backend/],
  [{ backend: {} }, /"backend" must be a backend/],
  [{ backend, model: "x" }, /"backend" and "model" contradict/],
  [{ model: "" }, /"model" must be/],
  [{ modelName: "x" }, /unknown option "modelName"/],
  [{ load: { signal: AbortSignal.abort() } }, /"load" must be .* without signal/],
  [{ dimensions: 0 }, /"dimensions" must be/],
  [null, /options must be an object/],
])("refuses %o", (options, message) => {
  for (const make of [
    () => new CandleEmbeddings(options as never),
    () => new CandleEmbedding(options as never),
    () => embeddingModel(options as never),
  ]) {
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    expect(make).toThrow(message);
  }
});

it("loads neither the addon nor the library before it is needed", async () => {
  const { stdout, stderr, code } = await finished(
    startNode(`
      import { createRequire } from "node:module";
      const require = createRequire(process.cwd() + "/x.js");
      for (const name of ["langchain", "ai-sdk", "llamaindex", "orama", "transformers", "openai", "vector-stores"])
        require("candle-embed/" + name);
      const loaded = Object.keys(require.cache).filter((file) => file.endsWith(".node") || file.includes("node_modules"));
      console.log(JSON.stringify(loaded));
      const { CandleEmbeddings } = require("candle-embed/langchain");
      console.log((await new CandleEmbeddings().embedQuery("a")).length);
    `),
  );
  // Nothing keeps the process, although nobody disposed the model.
  expect({ stdout, stderr, code }).toEqual({ stdout: "[]\n384\n", stderr: "", code: 0 });
});

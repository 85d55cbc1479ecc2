import path from "node:path";
import { expect, it } from "vitest";

import { pipeline, type Tensor } from "candle-embed/transformers";

import { loadForTests, loadPrompted, promptedModel, texts } from "./support.js";

const { backend } = await loadPrompted();
const extractor = await pipeline("feature-extraction", null, { backend });
const how = { pooling: "cls", normalize: true } as const;

it("gives a tensor of the backend's vectors, without any prompt", async () => {
  const output = await extractor(texts, how);
  const expected = await backend.embed(texts, { prompt: "" });
  expect(output.type).toBe("float32");
  expect(output.dims).toEqual([texts.length, backend.dimensions]);
  expect(output.data).toEqual(expected.data);
  expect(output.size).toBe(expected.data.length);
  expect(output.tolist()).toEqual(expected.toArrays());
  expect(output[1]?.tolist()).toEqual(expected.toArrays()[1]);
  expect(output[1]?.dims).toEqual([backend.dimensions]);
  expect(output[texts.length]).toBeUndefined();
  expect([...output].map((row) => (row as Tensor).tolist())).toEqual(expected.toArrays());
  expect([...(output[0] as Tensor)]).toEqual(expected.toArrays()[0]);
  const one = await extractor(texts[0] as string, how);
  expect(one.dims).toEqual([1, backend.dimensions]);
  expect((await extractor([], how)).dims).toEqual([0, 0]);
});

it("does not normalise unless told, as transformers.js", async () => {
  const output = await extractor(texts, { pooling: "first_token" });
  expect(output.data).toEqual((await backend.embed(texts, { normalize: false })).data);
});

it.each(["binary", "ubinary"] as const)("packs bits: %s", async (precision) => {
  const output = await extractor(texts, { pooling: "cls", quantize: true, precision });
  expect(output.type).toBe(precision === "binary" ? "int8" : "uint8");
  expect(output.dims).toEqual([texts.length, backend.dimensions / 8]);
  expect(output.data).toEqual((await backend.embed(texts, { outputType: precision })).data);
});

it("stands for the originals of ONNX copies", async () => {
  await using embedded = await pipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2", { dtype: "q8" });
  const native = await loadForTests();
  const output = await embedded("a text", { pooling: "mean", normalize: true });
  expect(output.data).toEqual((await native.embed("a text")).data);
  expect((await (await pipeline("feature-extraction"))("a text", { pooling: "mean" })).dims).toEqual([
    1, 384,
  ]);
  const unknown = pipeline("feature-extraction", "onnx-community/some-model-ONNX");
  await expect(unknown).rejects.toThrow(/is an ONNX copy .* name the one it was made from/);
});

it.each([
  [undefined, /pass pooling: "cls"/],
  [{}, /a vector for each text, not for each token: pass pooling: "cls"/],
  [{ pooling: "none" }, /pass pooling: "cls"/],
  [{ pooling: "mean" }, /was not trained for pooling: "mean"; pass pooling: "cls"/],
  [{ pooling: "max" }, /"pooling" must be one of/],
  [{ pooling: "cls", precision: "int8" }, /"precision" must be one of/],
  [{ pooling: "cls", pool: true }, /unknown option "pool"/],
])("refuses a call with %o", async (options, message) => {
  await expect(extractor(texts, options as never)).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringMatching(message) as string,
  });
});

it.each([
  ["text-generation", null, {}, /the task must be "feature-extraction"/],
  ["feature-extraction", null, { dtype: "q4" }, /"dtype" must be one of auto, fp32/],
  ["feature-extraction", null, { session_options: {} }, /unknown option "session_options"/],
  ["feature-extraction", "x", { backend }, /contradict each other; pass null as the model/],
])("refuses %s, %s, %o", async (task, model, options, message) => {
  await expect(pipeline(task as never, model, options as never)).rejects.toThrow(message);
});

it("loads with transformers.js' names of options", async () => {
  const options = {
    dtype: "fp32",
    device: "cpu",
    local_files_only: true,
    cache_dir: path.join(promptedModel, ".."),
  };
  await using loaded = await pipeline("feature-extraction", promptedModel, options);
  expect((await loaded("a", how)).data).toEqual((await backend.embed("a", { prompt: "" })).data);
  await loaded.dispose();
  await expect(loaded("a", how)).rejects.toMatchObject({ code: "DISPOSED" });
});

import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";

import { catalog, NativeBackend } from "candle-embed";
import { loadForTests, tinyModel } from "./support.js";

it("loads the embedded model by default, as the catalogue describes it", async () => {
  const backend = await loadForTests();
  const entry = catalog[0];
  expect(backend).toMatchObject({
    modelId: entry?.modelId,
    revision: entry?.revision,
    dimensions: entry?.dimensions,
    maxTokens: entry?.maxTokens,
    dtype: entry?.dtype,
    device: "cpu",
  });
  expect(backend.space).toMatchObject({ pooling: "mean", normalized: true, prompts: {} });
  expect(backend.space.id).toMatch(/^[0-9a-f]{64}$/);
});

it("is made from the weights the catalogue names", async () => {
  // Loaded as a folder, the revision is the hash of the float32 weights it was made from.
  const backend = await loadForTests("models/all-MiniLM-L6-v2");
  expect(backend.modelId).toBe("all-MiniLM-L6-v2");
  expect(backend.revision).toBe(catalog[0]?.sha256["model.safetensors"]);
  expect(backend.space.id).toBe((await loadForTests()).space.id);
});

it("loads a folder by path and by URL", async () => {
  for (const model of [tinyModel, path.relative(process.cwd(), tinyModel), pathToFileURL(tinyModel)]) {
    await using backend = await NativeBackend.load(model);
    expect(backend).toMatchObject({
      modelId: "tiny-bert-mean",
      dimensions: 32,
      maxTokens: 64,
      dtype: "float32",
    });
    expect(backend.revision).toMatch(/^[0-9a-f]{64}$/);
  }
});

it("refuses a model that is not there, and a device this build has not", async () => {
  await expect(NativeBackend.load("/no/such/folder")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  await expect(NativeBackend.load(tinyModel, { device: "cuda" })).rejects.toMatchObject({
    code: "DEVICE_UNAVAILABLE",
  });
});

it("does not start when aborted", async () => {
  await expect(NativeBackend.load(tinyModel, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: "AbortError",
  });
});

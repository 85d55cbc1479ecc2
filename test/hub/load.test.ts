import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { catalog, NativeBackend, type LoadProgress } from "candle-embed";
import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { fixtures, largestDifference, readJson, root, tinyModel } from "../native/support.js";
import { hubEnvironment, newCache, startHub } from "./support.js";

const hub = await startHub();
const commit = hub.serve("org/mean", tinyModel);
hub.serve("org/sharded", path.join(fixtures, "tiny-bert-sharded"));

// Programs have these in their environment.
const saved = { ...process.env };
Object.assign(process.env, hubEnvironment(hub, newCache()), {
  HF_HUB_ETAG_TIMEOUT: "10",
  HF_HUB_DOWNLOAD_TIMEOUT: "10",
});
afterAll(() => {
  process.env = saved;
});

/** Changes the weights of a cached model of `org` as a disk does: the length stays. */
function flipBit(cacheDir: string, name: string): void {
  const { etag } = hub.file(`org/${name}`, "model.safetensors");
  const file = path.join(cacheDir, `models--org--${name}/blobs`, etag);
  const content = readFileSync(file);
  content[content.length - 5] = (content[content.length - 5] ?? 0) ^ 1;
  writeFileSync(file, content);
}

describe("a model of the hub", () => {
  it("loads by its id and is what its folder is", async () => {
    const seen: LoadProgress[] = [];
    await using backend = await NativeBackend.load("org/mean", {
      onProgress: (progress) => seen.push(progress),
    });
    await using folder = await NativeBackend.load(tinyModel);
    expect(backend).toMatchObject({ modelId: "org/mean", revision: commit, dimensions: 32 });
    expect(backend.space.id).toBe(folder.space.id);
    const text = "a quick brown fox";
    expect(await backend.embedQuery(text)).toEqual(await folder.embedQuery(text));
    const stages = seen.map(({ stage }) => stage);
    expect([...new Set(stages)]).toEqual(["download", "load", "ready"]);
    const { download } = seen[stages.lastIndexOf("download")] ?? {};
    expect(download?.bytes).toBe(download?.totalBytes);
  });

  it("equals sentence-transformers from its shards", async () => {
    await using backend = await NativeBackend.load("org/sharded", { cacheDir: newCache() });
    const { texts, cases } = readJson(fixtures, "tiny-bert-sharded.expected.json") as {
      texts: string[];
      cases: { vectors: number[][] }[];
    };
    const rows = (await backend.embed(texts)).toArrays();
    expect(largestDifference(rows.flat(), cases[0]?.vectors.flat() ?? [])).toBeLessThan(2e-6);
  });

  it("loads again without a download, and without the hub", async () => {
    const stages: string[] = [];
    const onProgress = ({ stage }: LoadProgress): void => void stages.push(stage);
    hub.requests.length = 0;
    await using again = await NativeBackend.load("org/mean", { revision: commit, onProgress });
    await using offline = await NativeBackend.load("org/mean", { offline: true, onProgress });
    expect([again.revision, offline.revision]).toEqual([commit, commit]);
    expect(stages).toEqual(["load", "ready", "load", "ready"]);
    expect(hub.requests).toEqual([]);
  });

  it("does not load from weights that went bad in the cache", async () => {
    const cacheDir = newCache();
    await using first = await NativeBackend.load("org/mean", { cacheDir });
    flipBit(cacheDir, "mean");
    await expect(NativeBackend.load("org/mean", { cacheDir })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringMatching(
        /^the weights of org\/mean in \S+ are not what they should be: their SHA-256 is .*"candle-embed pull org\/mean"/,
      ) as string,
    });
    expect(first.dimensions).toBe(32);
  });

  it("leaves a load that was aborted", async () => {
    const cacheDir = newCache();
    hub.fault("model.safetensors", () => undefined);
    const controller = new AbortController();
    const loading = NativeBackend.load("org/mean", {
      cacheDir,
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === "download") controller.abort();
      },
    });
    await expect(loading).rejects.toMatchObject({ code: "ABORTED", name: "AbortError" });
    hub.faults.clear();
  });

  it("loads while another one is downloaded", async () => {
    hub.fault("model.safetensors", () => undefined);
    const controller = new AbortController();
    const { signal } = controller;
    const stuck = NativeBackend.load("org/mean", { cacheDir: newCache(), signal });
    await using other = await NativeBackend.load(tinyModel);
    expect(other.dimensions).toBe(32);
    controller.abort();
    await expect(stuck).rejects.toMatchObject({ code: "ABORTED" });
    hub.faults.clear();
  });

  it.each<[string, object, string, RegExp]>([
    ["org/none", {}, "MODEL_NOT_FOUND", /^there is no model org\/none at http/],
    ["org/mean", { revision: "v9" }, "MODEL_NOT_FOUND", /^org\/mean has no revision "v9"/],
    ["org/mean", { revision: "" }, "INVALID_INPUT", /"revision" must be a string that is not empty/],
    ["org/mean", { cacheDir: "" }, "INVALID_INPUT", /"cacheDir" must be/],
    ["org/mean", { token: 7 }, "INVALID_INPUT", /"token" must be/],
    ["org/mean", { offline: "yes" }, "INVALID_INPUT", /"offline" must be true or false/],
    ["bge-small-en-v1.5", { offline: true }, "OFFLINE", /candle-embed pull BAAI\/bge-small-en-v1\.5$/],
    [tinyModel, { revision: "main" }, "INVALID_INPUT", /revision is for models of a hub/],
  ])("%s with %j is refused", async (model, options, code, message) => {
    await expect(NativeBackend.load(model, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});

describe("an int8 copy that quantize wrote", () => {
  hub.serve("org/int8", path.join(root, "models/all-MiniLM-L6-v2"));

  it("loads from a hub, in the space of its source", async () => {
    await using backend = await NativeBackend.load("org/int8", { cacheDir: newCache() });
    await using embedded = await NativeBackend.load();
    expect(backend.dtype).toBe("int8");
    expect(backend.space.id).toBe(embedded.space.id);
  });

  it("does not load once it is another file, whatever it says of its source", async () => {
    const cacheDir = newCache();
    await using first = await NativeBackend.load("org/int8", { cacheDir });
    expect(first.dtype).toBe("int8");
    flipBit(cacheDir, "int8");
    await expect(NativeBackend.load("org/int8", { cacheDir })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
    });
  });
});

describe("the embedded model", () => {
  it("needs no hub", async () => {
    hub.requests.length = 0;
    await using backend = await NativeBackend.load();
    expect(backend.dtype).toBe("int8");
    expect(hub.requests).toEqual([]);
  });

  it("is never what the hub says it is where the catalogue knows better", async () => {
    const entry = catalog[0];
    hub.serve("sentence-transformers/all-MiniLM-L6-v2", tinyModel, entry?.revision);
    await expect(NativeBackend.load(undefined, { dtype: "float32" })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringMatching(/is not the file that the catalogue names/) as string,
    });
  });

  it("comes from the hub with its exact weights when float32 is asked for", async ({ skip }) => {
    const { path: folder, reason } = await getTestWeights();
    if (folder === undefined) return skip(reason);
    const entry = catalog[0];
    hub.serve("sentence-transformers/all-MiniLM-L6-v2", folder, entry?.revision);
    const cacheDir = newCache();
    await using exact = await NativeBackend.load(undefined, { dtype: "float32", cacheDir });
    await using embedded = await NativeBackend.load();
    expect(exact).toMatchObject({ dtype: "float32", revision: entry?.revision, modelId: entry?.modelId });
    expect(exact.space.id).toBe(embedded.space.id);
    expect(existsSync(path.join(cacheDir, "models--sentence-transformers--all-MiniLM-L6-v2"))).toBe(true);
  });
});

it("is a catalogue of models with well-formed pins", () => {
  for (const { name, modelId, revision, sha256, packageName } of catalog) {
    expect(modelId.endsWith(`/${name}`)).toBe(true);
    expect(revision ?? "0".repeat(40)).toMatch(/^[0-9a-f]{40}$/);
    for (const hash of Object.values(sha256)) expect(hash).toMatch(/^[0-9a-f]{64}$/);
    // A hash holds for one commit.
    if (revision === undefined) expect(sha256).toEqual({});
    expect(packageName === undefined || name === "all-MiniLM-L6-v2").toBe(true);
  }
  expect(new Set(catalog.map(({ name }) => name.toLowerCase())).size).toBe(catalog.length);
});

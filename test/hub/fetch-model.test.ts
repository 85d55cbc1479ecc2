import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import type { DownloadProgress } from "../../src/hub/progress.js";
import { fixtures } from "../native/support.js";
import { sendRange, type Fault } from "./fake-hub.js";
import { fetchFrom, files, leftovers, newCache, startHub, wrongFiles } from "./support.js";

const hub = await startHub();
const mean = path.join(fixtures, "tiny-bert-mean");
const commit = hub.serve("org/mean", mean);
hub.serve("org/sharded", path.join(fixtures, "tiny-bert-sharded"));
hub.serve("org/dense", path.join(fixtures, "tiny-bert-dense"));

const everything = [
  "1_Pooling/config.json",
  "2_Normalize/config.json",
  "config.json",
  "config_sentence_transformers.json",
  "model.safetensors",
  "modules.json",
  "sentence_bert_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

function namesIn(folder: string): string[] {
  return files(folder)
    .map((file) => path.relative(folder, file))
    .sort();
}

describe("a model that is not in the cache", () => {
  it("is laid out as huggingface_hub lays it out", async () => {
    const cache = newCache();
    const { folder, revision, bytes, downloadedBytes, weightsSha256 } = await fetchFrom(
      hub,
      cache,
      "org/mean",
    );
    const model = path.join(cache, "models--org--mean");
    expect(revision).toBe(commit);
    expect(folder).toBe(path.join(model, "snapshots", commit));
    expect(readFileSync(path.join(model, "refs/main"), "utf8")).toBe(commit);
    for (const name of everything) {
      const { etag, content } = hub.file("org/mean", name);
      const link = path.join(folder, name);
      expect(readlinkSync(link)).toBe(path.relative(path.dirname(link), path.join(model, "blobs", etag)));
      expect(readFileSync(link)).toEqual(content);
    }
    expect(bytes).toBe(downloadedBytes);
    expect(weightsSha256).toBe(hub.file("org/mean", "model.safetensors").etag);
    expect(JSON.parse(readFileSync(path.join(model, `trees/${commit}.json`), "utf8"))).toMatchObject({
      format_version: 1,
      files: { "config.json": { size: hub.file("org/mean", "config.json").content.length } },
    });
    expect(leftovers(cache)).toEqual([]);
    expect(wrongFiles(cache)).toEqual([]);
  });

  it("is fetched without the files that the engine does not read", async () => {
    const contents = Object.fromEntries(everything.map((name) => [name, hub.file("org/mean", name).content]));
    hub.serve("org/extras", {
      ...contents,
      "README.md": "read me",
      "pytorch_model.bin": "weights again",
      "onnx/model.onnx": "and again",
      "model.onnx": "and again",
      "tf_model.h5": "and again",
    });
    const { folder } = await fetchFrom(hub, newCache(), "org/extras");
    expect(namesIn(folder)).toEqual(everything);
  });

  it("comes with its shards and its dense layers", async () => {
    const sharded = await fetchFrom(hub, newCache(), "org/sharded");
    expect(namesIn(sharded.folder)).toContain("model-00003-of-00005.safetensors");
    expect(sharded.weightsSha256).toBeUndefined();
    const dense = await fetchFrom(hub, newCache(), "org/dense");
    expect(namesIn(dense.folder)).toEqual(
      expect.arrayContaining(["2_Dense/config.json", "2_Dense/model.safetensors"]),
    );
  });

  it("tells how far it is", async () => {
    const seen: DownloadProgress[] = [];
    await fetchFrom(hub, newCache(), "org/mean", { onProgress: (progress) => seen.push(progress) });
    const last = seen.at(-1);
    expect(last?.bytes).toBe(last?.totalBytes);
    expect(last?.filesDone).toBe(last?.files);
    expect(last?.totalBytes).toBeGreaterThan(50_000);
    expect(seen.every(({ bytes, totalBytes }) => bytes <= totalBytes)).toBe(true);
  });
});

describe("a model that is in the cache", () => {
  it("is not fetched again; by its commit not even asked for", async () => {
    const cache = newCache();
    await fetchFrom(hub, cache, "org/mean");
    hub.requests.length = 0;
    expect((await fetchFrom(hub, cache, "org/mean")).downloadedBytes).toBe(0);
    expect(hub.requests.map((request) => request.path)).toEqual(["/api/models/org/mean/revision/main"]);
    hub.requests.length = 0;
    await fetchFrom(hub, cache, "org/mean", { revision: commit });
    expect(hub.requests).toEqual([]);
  });

  it("serves when the hub is not there any more", async () => {
    const cache = newCache();
    const { folder } = await fetchFrom(hub, cache, "org/mean");
    const gone = { endpoint: "http://127.0.0.1:9" };
    expect((await fetchFrom(hub, cache, "org/mean", { settings: gone })).folder).toBe(folder);
    await expect(fetchFrom(hub, cache, "org/dense", { settings: gone })).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(
        /^org\/dense: 127\.0\.0\.1:9: connect ECONNREFUSED .*HTTPS_PROXY/,
      ) as string,
    });
  });

  it("follows its branch, and shares what did not change", async () => {
    const cache = newCache();
    const first = hub.serve("org/moving", mean);
    await fetchFrom(hub, cache, "org/moving");
    const contents = Object.fromEntries(everything.map((name) => [name, hub.file("org/mean", name).content]));
    const second = hub.serve("org/moving", {
      ...contents,
      "config_sentence_transformers.json": '{"prompts":{}}',
    });
    expect(second).not.toBe(first);
    const { revision, downloadedBytes } = await fetchFrom(hub, cache, "org/moving");
    expect(revision).toBe(second);
    expect(downloadedBytes).toBe(14);
    expect(readdirSync(path.join(cache, "models--org--moving/snapshots")).sort()).toEqual(
      [first, second].sort(),
    );
    expect(wrongFiles(cache)).toEqual([]);
  });

  it.each([
    ["cut", (file: string) => truncateSync(file, 10)],
    ["changed", (file: string) => flipBit(file)],
    ["gone", (file: string) => rmSync(file)],
  ])("has a file fetched again that was %s", async (_, damage) => {
    const cache = newCache();
    const { folder } = await fetchFrom(hub, cache, "org/mean");
    damage(path.join(cache, "models--org--mean/blobs", hub.file("org/mean", "tokenizer.json").etag));
    const again = await fetchFrom(hub, cache, "org/mean", { revision: commit });
    expect(again.downloadedBytes).toBe(hub.file("org/mean", "tokenizer.json").content.length);
    expect(wrongFiles(cache)).toEqual([]);
    expect(again.folder).toBe(folder);
  });

  it("has its weights hashed when that is asked for", async () => {
    const cache = newCache();
    await fetchFrom(hub, cache, "org/mean");
    flipBit(path.join(cache, "models--org--mean/blobs", hub.file("org/mean", "model.safetensors").etag));
    expect((await fetchFrom(hub, cache, "org/mean")).downloadedBytes).toBe(0);
    expect((await fetchFrom(hub, cache, "org/mean", { verify: true })).downloadedBytes).toBeGreaterThan(0);
    expect(wrongFiles(cache)).toEqual([]);
  });
});

describe("an interrupted download", () => {
  it("goes on where it stopped", async () => {
    const cache = newCache();
    const { content } = hub.file("org/mean", "model.safetensors");
    const half = Math.floor(content.length / 2);
    hub.requests.length = 0;
    hub.fault("model.safetensors", ({ response }) => {
      response.writeHead(200, { "Content-Length": content.length });
      response.write(content.subarray(0, half), () => response.destroy());
    });
    await fetchFrom(hub, cache, "org/mean");
    expect(rangesOf("model.safetensors")).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    expect(wrongFiles(cache)).toEqual([]);
  });

  it("goes on with what an aborted run left", async () => {
    const cache = newCache();
    await abortAfter5000Bytes(cache);
    hub.requests.length = 0;
    await fetchFrom(hub, cache, "org/mean");
    expect(rangesOf("model.safetensors")).toEqual(["bytes=5000-"]);
    expect(leftovers(cache)).toEqual([]);
    expect(wrongFiles(cache)).toEqual([]);
  });

  it("does not trust what is left: after a wrong beginning all of it is fetched", async () => {
    const cache = newCache();
    await abortAfter5000Bytes(cache);
    const [partial = ""] = leftovers(cache);
    writeFileSync(partial, Buffer.alloc(5000, 1));
    hub.requests.length = 0;
    await fetchFrom(hub, cache, "org/mean");
    expect(rangesOf("model.safetensors")).toEqual(["bytes=5000-", undefined]);
    expect(leftovers(cache)).toEqual([]);
    expect(wrongFiles(cache)).toEqual([]);
  });

  it("restarts where the server knows no ranges, or answers with another one", async () => {
    const { content } = hub.file("org/mean", "model.safetensors");
    const half = content.subarray(0, content.length >> 1);
    const total = String(content.length);
    const cut = { "Content-Length": content.length };
    const answers: Fault[] = [
      ({ response }) => void response.writeHead(200, cut).end(content),
      ({ response }) =>
        void response
          .writeHead(206, { "Content-Range": `bytes 7-${total}/${total}` })
          .end(content.subarray(7)),
      ({ response }) => void response.writeHead(416, { "Content-Range": `bytes */10` }).end(),
    ];
    for (const second of answers) {
      const cache = newCache();
      hub.fault(
        "model.safetensors",
        ({ response }) => {
          response.writeHead(200, cut);
          response.write(half, () => response.destroy());
        },
        second,
        ({ request, response }) => {
          sendRange(request, response, content);
        },
      );
      await fetchFrom(hub, cache, "org/mean");
      expect(wrongFiles(cache)).toEqual([]);
      hub.faults.clear();
    }
  });
});

describe("a file system without links", () => {
  it("gets the files themselves, as with huggingface_hub", async () => {
    const cache = newCache();
    const { folder } = await fetchFrom(hub, cache, "org/mean", { settings: { symlinks: false } });
    expect(namesIn(folder)).toEqual(everything);
    expect(lstatSync(path.join(folder, "model.safetensors")).isFile()).toBe(true);
    expect(
      existsSync(path.join(cache, "models--org--mean/blobs", hub.file("org/mean", "model.safetensors").etag)),
    ).toBe(false);
    const again = await fetchFrom(hub, cache, "org/mean", { settings: { symlinks: false }, verify: true });
    expect(again.downloadedBytes).toBe(0);
  });
});

function flipBit(file: string): void {
  const content = readFileSync(file);
  content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 4;
  writeFileSync(file, content);
}

/** Leaves an unfinished download of the weights in a cache. */
async function abortAfter5000Bytes(cache: string): Promise<void> {
  const { content } = hub.file("org/mean", "model.safetensors");
  const controller = new AbortController();
  const reason = new Error("enough");
  hub.fault("model.safetensors", ({ response }) => {
    response.writeHead(200, { "Content-Length": content.length });
    response.write(content.subarray(0, 5000));
  });
  const aborted = fetchFrom(hub, cache, "org/mean", {
    signal: controller.signal,
    onProgress: ({ bytes, totalBytes }) => {
      if (bytes === totalBytes - content.length + 5000) controller.abort(reason);
    },
  });
  await expect(aborted).rejects.toMatchObject({ code: "ABORTED", name: "AbortError", cause: reason });
  expect(leftovers(cache)).toHaveLength(1);
}

/** The ranges that were asked for of a file's content, in order. */
function rangesOf(name: string): (string | undefined)[] {
  const requests = hub.requests.filter(
    ({ path }) => path.startsWith("/content/") && path.endsWith(`/${name}`),
  );
  return requests.map(({ range }) => range);
}

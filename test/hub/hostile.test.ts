import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { isInside } from "../../src/hub/names.js";
import { removeModel } from "../../src/hub/remove-model.js";
import { fixtures } from "../native/support.js";
import { fetchFrom, files, newCache, startHub } from "./support.js";

const hub = await startHub();
const mean = path.join(fixtures, "tiny-bert-mean");
hub.serve("org/mean", mean);
const names = ["config.json", "tokenizer.json", "1_Pooling/config.json", "model.safetensors"];
const contents = Object.fromEntries(names.map((name) => [name, readFileSync(path.join(mean, name))]));

const outside = [
  "..",
  "../evil",
  "a/../../evil",
  "a/..",
  "/etc/evil",
  "//host/share/evil",
  "C:/evil",
  "C:evil",
  "c:\\evil",
  "..\\evil",
  "a\\..\\..\\evil",
  "\\\\host\\share\\evil",
  "\\\\?\\C:\\evil",
  "a/./b/../../../evil",
  "./evil",
  "a//evil",
  "evil\0.json",
  "evil\n",
  "file.json:stream",
  "con",
  "NUL.json",
  "a/aux/b",
  "trailing.",
  "trailing ",
  "...",
  "x".repeat(600),
];

describe("names that lead elsewhere", () => {
  it.each(outside)("%j is refused", (name) => {
    expect(isInside(name)).toBe(false);
  });

  it.each([
    "config.json",
    "1_Pooling/config.json",
    "model-00001-of-00002.safetensors",
    ".gitattributes",
    "a..b",
  ])("%j is a name", (name) => {
    expect(isInside(name)).toBe(true);
  });

  it.each(outside.filter((name) => name !== "./evil"))("%j as a module's folder", async (evil) => {
    const modules = [{ idx: 0, path: evil, type: "sentence_transformers.models.Transformer" }];
    hub.serve("org/evil", { ...contents, "modules.json": JSON.stringify(modules) });
    const cache = newCache();
    await expect(fetchFrom(hub, cache, "org/evil")).rejects.toMatchObject({ code: "MODEL_INVALID" });
    expect(
      files(cache).filter((file) => file.includes("evil") && !file.includes("models--org--evil")),
    ).toEqual([]);
  });

  it.each(outside)("%j as a shard", async (evil) => {
    const index = { weight_map: { a: evil } };
    hub.serve("org/evil", {
      "config.json": "{}",
      "model.safetensors.index.json": JSON.stringify(index),
      // The listing may well have it.
      [evil]: "shard",
    });
    await expect(fetchFrom(hub, newCache(), "org/evil")).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });

  it("in the listing alone do no harm", async () => {
    hub.serve("org/evil", { ...contents, ...Object.fromEntries(outside.map((name) => [name, "evil"])) });
    const cache = newCache();
    const { folder } = await fetchFrom(hub, cache, "org/evil");
    // Without modules.json, nothing leads to the pooling.
    expect(files(folder)).toHaveLength(names.length - 1);
  });
});

describe("a listing that is not one", () => {
  it.each<[string, (entries: Record<string, unknown>[]) => unknown]>([
    ["no list", () => ({ error: "none" })],
    [
      "an entry without a size",
      (entries) => entries.map((entry) => ({ ...entry, lfs: null, size: undefined })),
    ],
    ["a negative size", (entries) => entries.map((entry) => ({ ...entry, lfs: null, size: -1 }))],
    [
      "an etag that is a path",
      (entries) => entries.map((entry) => ({ ...entry, lfs: { oid: "../../evil", size: 3 } })),
    ],
    ["a name that is a number", (entries) => entries.map((entry) => ({ ...entry, path: 7 }))],
  ])("%s", async (_, edit) => {
    hub.editTree = edit;
    const cache = newCache();
    await expect(fetchFrom(hub, cache, "org/mean")).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(/does not answer as a model hub does/) as string,
    });
    hub.editTree = (entries) => entries;
    expect(existsSync(cache)).toBe(false);
  });
});

describe("models that are not what they should be", () => {
  it("are refused when their weights can run code, with the way out, before anything large is fetched", async () => {
    hub.serve("org/pickle", { "config.json": "{}", "tokenizer.json": "{}", "pytorch_model.bin": "pickle" });
    hub.requests.length = 0;
    await expect(fetchFrom(hub, newCache(), "org/pickle")).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(
        /run code when it is read.*SentenceTransformer\("org\/pickle"\)\.save_pretrained/,
      ) as string,
    });
    expect(hub.requests.filter(({ path }) => path.startsWith("/content"))).toEqual([]);
  });

  it("are refused without weights, with an index of nothing, with JSON that is none", async () => {
    hub.serve("org/empty", { "README.md": "# hello" });
    await expect(fetchFrom(hub, newCache(), "org/empty")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    hub.serve("org/nothing", {
      ...contents,
      "model.safetensors.index.json": '{"weight_map":{"a":"b"}}',
      "modules.json": "{}",
    });
    await expect(fetchFrom(hub, newCache(), "org/nothing")).rejects.toMatchObject({ code: "MODEL_INVALID" });
    hub.serve("org/broken", { ...contents, "modules.json": "{" });
    await expect(fetchFrom(hub, newCache(), "org/broken")).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: "modules.json of org/broken is no JSON",
    });
  });

  it("are refused when the catalogue knows another hash, by what is listed and by what comes", async () => {
    const pins = { "model.safetensors": "0".repeat(64) };
    await expect(fetchFrom(hub, newCache(), "org/mean", { pins })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
    });
    // In git there is no SHA-256 to compare beforehand.
    const cache = newCache();
    const small = { "config.json": "0".repeat(64) };
    await expect(fetchFrom(hub, cache, "org/mean", { pins: small })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
    });
    const wrong = `${hub.commit("org/mean")}/config.json`;
    expect(files(cache).filter((file) => file.endsWith(wrong))).toEqual([]);
  });

  it.each(["../evil", "org/../evil", "org", "org/a/b", "org/a--b", "/org/a", "org\\a", ""])(
    "%j is no model of a hub",
    async (repository) => {
      await expect(fetchFrom(hub, newCache(), repository)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
      await expect(removeModel(newCache(), repository)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    },
  );

  it.each(["../main", "/main", "a\\b", "a\0b", ""])("%j is no revision", async (revision) => {
    await expect(fetchFrom(hub, newCache(), "org/mean", { revision })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });
});

describe("the token", () => {
  it("goes to the hub and to nobody else", async () => {
    hub.requests.length = 0;
    hub.requiredToken = "hf_secret";
    await fetchFrom(hub, newCache(), "org/mean", { settings: { token: "hf_secret" } });
    hub.requiredToken = undefined;
    const elsewhere = hub.requests.filter(({ host }) => host === hub.filesHost);
    expect(elsewhere.length).toBeGreaterThan(1);
    expect(elsewhere.every(({ authorization }) => authorization === undefined)).toBe(true);
    expect(hub.requests.some(({ authorization }) => authorization === "Bearer hf_secret")).toBe(true);
  });

  it("is asked for where it is missing", async () => {
    hub.requiredToken = "hf_secret";
    await expect(fetchFrom(hub, newCache(), "org/mean")).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(/set HF_TOKEN/) as string,
    });
    hub.requiredToken = undefined;
  });

  it("does not follow a page of the listing to another host", async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end("[]");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    // The first question is for the commit, the second for the list.
    hub.faults.set("api", [
      ({ response }) => void response.end(JSON.stringify({ sha: hub.commit("org/mean") })),
      ({ response }) => {
        response.setHeader("Link", `<http://127.0.0.1:${String(port)}/next>; rel="next"`);
        response.end("[]");
      },
    ]);
    await expect(
      fetchFrom(hub, newCache(), "org/mean", { settings: { token: "hf_secret" } }),
    ).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
    });
    other.close();
    expect(seen).toEqual([]);
  });
});

describe("rm", () => {
  it("removes what it should, and nothing that links lead to", async () => {
    const cache = newCache();
    await fetchFrom(hub, cache, "org/mean");
    const precious = path.join(newCache(), "precious");
    mkdirSync(precious, { recursive: true });
    writeFileSync(path.join(precious, "file"), "precious");
    symlinkSync(precious, path.join(cache, "models--org--mean/blobs/link"));
    symlinkSync(precious, path.join(cache, "models--org--mean/snapshots/link"));
    symlinkSync(precious, path.join(cache, "models--org--linked"));
    expect(await removeModel(cache, "org/mean")).toBeGreaterThan(100_000);
    expect(existsSync(path.join(cache, "models--org--mean"))).toBe(false);
    await expect(removeModel(cache, "org/linked")).rejects.toMatchObject({
      message: expect.stringMatching(/is a link/) as string,
    });
    expect(readdirSync(precious)).toEqual(["file"]);
  });

  it("keeps what another revision needs", async () => {
    const cache = newCache();
    const first = hub.serve("org/two", contents);
    await fetchFrom(hub, cache, "org/two");
    const second = hub.serve("org/two", { ...contents, "config.json": '{"changed":true}' });
    await fetchFrom(hub, cache, "org/two");
    await expect(removeModel(cache, "org/two", "v9")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    const freed = await removeModel(cache, "org/two", first);
    expect(freed).toBeGreaterThan(contents["config.json"]?.length ?? Infinity);
    expect(freed).toBeLessThan(10_000);
    hub.requests.length = 0;
    expect((await fetchFrom(hub, cache, "org/two", { revision: second, verify: true })).downloadedBytes).toBe(
      0,
    );
    await removeModel(cache, "org/two", "main");
    expect(existsSync(path.join(cache, "models--org--two"))).toBe(false);
  });
});

import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

import { getHuggingfaceHub } from "../../scripts/get-huggingface-hub.mjs";
import { hubSettings } from "../../src/hub/settings.js";
import { fixtures } from "../native/support.js";
import { fetchFrom, files, hubEnvironment, newCache, startHub, wrongFiles } from "./support.js";

const hub = await startHub();
const mean = path.join(fixtures, "tiny-bert-mean");
const commit = hub.serve("org/mean", mean);
const found = await getHuggingfaceHub();

/** Runs a program with huggingface_hub and gives what it prints as JSON. */
async function runPython(program: string, env: Readonly<Record<string, string>>): Promise<unknown> {
  if (found.path === undefined) throw new Error(found.reason);
  const { stdout } = await promisify(execFile)(found.python, ["-c", `import json\n${program}`], {
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      PYTHONPATH: found.path,
      HF_HUB_DISABLE_XET: "1",
      ...env,
    },
  });
  return JSON.parse(stdout) as unknown;
}

const snapshot = `
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download("org/mean")))`;

/** What Python finds of a cache without the hub: where a file is, a snapshot of the files, and what a scan complains of. */
const look = `
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
path = hf_hub_download("org/mean", "1_Pooling/config.json", local_files_only=True)
needed = ["*.json", "*.safetensors"]
folder = snapshot_download("org/mean", allow_patterns=needed, local_files_only=True)
scan = scan_cache_dir()
print(json.dumps({"path": path, "folder": folder, "warnings": [str(warning) for warning in scan.warnings],
  "repos": [[repo.repo_id, sorted(repo.refs), repo.size_on_disk] for repo in scan.repos]}))`;

describe.skipIf(found.path === undefined)(`Python's huggingface_hub ${found.reason ?? ""}`, () => {
  it.each([true, false])("reads what candle-embed wrote (links: %s), and adds to it", async (symlinks) => {
    const cache = newCache();
    const links: Record<string, string> = symlinks ? {} : { HF_HUB_DISABLE_SYMLINKS: "1" };
    const { folder, bytes } = await fetchFrom(hub, cache, "org/mean", { settings: { symlinks } });
    expect(await runPython(look, { HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "1", ...links })).toEqual({
      path: path.join(folder, "1_Pooling/config.json"),
      folder,
      warnings: [],
      repos: [["org/mean", ["main"], bytes]],
    });
    hub.requests.length = 0;
    const env = {
      ...hubEnvironment(hub, cache),
      ...links,
      HF_HUB_ETAG_TIMEOUT: "10",
      HF_HUB_DOWNLOAD_TIMEOUT: "10",
    };
    expect(await runPython(snapshot, env)).toBe(folder);
    expect(hub.count("model.safetensors")).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(readdirSync(mean).sort());
  });

  it.each([true, false])("writes what candle-embed reads (links: %s), on line and off", async (symlinks) => {
    const cache = newCache();
    const links: Record<string, string> = symlinks ? {} : { HF_HUB_DISABLE_SYMLINKS: "1" };
    const env = {
      ...hubEnvironment(hub, cache),
      ...links,
      HF_HUB_ETAG_TIMEOUT: "10",
      HF_HUB_DOWNLOAD_TIMEOUT: "10",
    };
    const folder = await runPython(snapshot, env);
    hub.requests.length = 0;
    const settings = { symlinks };
    expect(
      await fetchFrom(hub, cache, "org/mean", { settings: { ...settings, offline: true } }),
    ).toMatchObject({ folder });
    expect(hub.requests).toEqual([]);
    const again = await fetchFrom(hub, cache, "org/mean", { settings, revision: commit, verify: true });
    expect(again).toMatchObject({ folder, downloadedBytes: 0 });
    expect(hub.requests).toEqual([]);
    expect(wrongFiles(cache)).toEqual([]);
  });

  it("has fetched only some files: candle-embed fetches the rest", async () => {
    const cache = newCache();
    const env = { ...hubEnvironment(hub, cache), HF_HUB_ETAG_TIMEOUT: "10", HF_HUB_DOWNLOAD_TIMEOUT: "10" };
    await runPython(
      `
from huggingface_hub import hf_hub_download
print(json.dumps([hf_hub_download("org/mean", name) for name in ["config.json", "model.safetensors"]]))`,
      env,
    );
    hub.requests.length = 0;
    const { folder } = await fetchFrom(hub, cache, "org/mean");
    expect(hub.count("model.safetensors")).toBe(0);
    expect(files(folder).length).toBe(9);
    expect(wrongFiles(cache)).toEqual([]);
  });

  it("finds cache and token in the same places", async () => {
    const home = newCache();
    for (const env of [
      {},
      { XDG_CACHE_HOME: "/xdg" },
      { HF_HOME: "/hf" },
      { HF_HOME: "~/$NAME", NAME: "models" },
      { HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" },
      { HF_HUB_CACHE: "${NAME}/hub", NAME: "/disk", HF_HOME: "/hf" },
      { HF_TOKEN: " hf_a ", HUGGING_FACE_HUB_TOKEN: "hf_b" },
      { HUGGING_FACE_HUB_TOKEN: "hf_b" },
      { HF_HUB_OFFLINE: "yes" },
      { TRANSFORMERS_OFFLINE: "1" },
      { HF_ENDPOINT: "https://hub.example.org/" },
    ]) {
      const saved = process.env["HOME"];
      process.env["HOME"] = home;
      try {
        const { cacheDir, token, offline, endpoint } = hubSettings({}, { HOME: home, ...env });
        const theirs = await runPython(
          `
from huggingface_hub import constants, get_token
print(json.dumps([constants.HF_HUB_CACHE, get_token(), constants.HF_HUB_OFFLINE, constants.ENDPOINT]))`,
          { HOME: home, ...env },
        );
        expect([cacheDir, token ?? null, offline, endpoint], JSON.stringify(env)).toEqual(theirs);
      } finally {
        process.env["HOME"] = saved;
      }
    }
  });
});

it("has the version that the tests were written for in its cache", () => {
  if (found.path === undefined) return;
  expect(readFileSync(path.join(found.path, "huggingface_hub/__init__.py"), "utf8")).toContain(
    '__version__ = "2.4.0"',
  );
});

import { readFileSync, statSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { WasmBackend, type LoadProgress } from "@candle-embed/wasm";
import { startHub } from "../hub/support.js";
import { tinyModel } from "../native/support.js";

/** A browser's Cache API, as far as it is used, in memory. */
class FakeCache {
  readonly entries = new Map<string, Response>();
  match = (url: string): Promise<Response | undefined> => Promise.resolve(this.entries.get(url)?.clone());
  put = (url: string, response: Response): Promise<void> =>
    Promise.resolve(void this.entries.set(url, response));
  delete = (url: string): Promise<boolean> => Promise.resolve(this.entries.delete(url));
}

let cache: FakeCache;

beforeEach(() => {
  cache = new FakeCache();
  vi.stubGlobal("caches", { open: () => Promise.resolve(cache) });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A web server for one test file, and the requests it got. */
async function startServer(listener: RequestListener): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, requests };
}

async function load(model: string, options: object = {}): Promise<LoadProgress[]> {
  const seen: LoadProgress[] = [];
  const backend = await WasmBackend.load(model, {
    onProgress: (progress) => seen.push(progress),
    ...options,
  });
  expect((await backend.embed("a text")).dimensions).toBe(32);
  await backend.dispose();
  return seen;
}

describe("a model folder on a web server", () => {
  let version = 1;
  let broken: "" | "down" | "html" | "forbidden" = "";
  const serve: RequestListener = (request, response) => {
    if (broken === "down") return void request.socket.destroy();
    if (broken === "forbidden") return void response.writeHead(403).end();
    const file = path.join(tinyModel, request.url?.replace("/minilm/", "") ?? "");
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
      // As Vite's development server does.
      if (broken === "html") response.writeHead(200, { "content-type": "text/html" }).end("<html>");
      else response.writeHead(404).end();
      return;
    }
    const content = readFileSync(file);
    response.writeHead(200, { "content-length": content.length, etag: `"${String(version)}"` });
    response.end(request.method === "HEAD" ? undefined : content);
  };

  it("is fetched with progress, kept, checked for a new version, and there without a network", async () => {
    const { url, requests } = await startServer(serve);
    const address = `${url}minilm`;
    const progress = await load(address);
    const downloads = progress.flatMap(({ download }) => (download === undefined ? [] : [download]));
    expect(progress.map(({ stage }) => stage).filter((stage, at, all) => stage !== all[at - 1])).toEqual([
      "download",
      "load",
      "ready",
    ]);
    const last = downloads.at(-1);
    expect(last?.bytes).toBe(last?.totalBytes);
    expect(last?.filesDone).toBe(last?.files);
    expect(progress[0]?.modelId).toBe("minilm");

    // In vain it asks for few names: a browser shows each as an error.
    const vain = requests.filter((request) => request.startsWith("HEAD")).length - (last?.files ?? 0);
    expect(vain).toBeLessThan(4);

    const gets = (): string[] => requests.splice(0).filter((request) => request.startsWith("GET"));
    expect(gets()).toContain("GET /minilm/model.safetensors");
    await load(address);
    expect(gets()).toEqual([]);
    version = 2;
    await load(address);
    expect(gets()).toContain("GET /minilm/model.safetensors");
    broken = "down";
    await load(address);
    broken = "";
  });

  it("a server that answers with its start page for what it lacks", async () => {
    const { url } = await startServer(serve);
    broken = "html";
    await load(`${url}minilm/`);
    await expect(load(`${url}elsewhere/`)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    broken = "";
  });

  it("a server that is down or refuses: an error that says so", async () => {
    const { url } = await startServer(serve);
    broken = "down";
    await expect(load(url)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
    broken = "forbidden";
    await expect(load(url)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED", message: /HTTP 403/ });
    broken = "";
    await expect(load(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
  });
});

describe("a model of the hub", async () => {
  const hub = await startHub();
  const commit = hub.serve("org/tiny", tinyModel);
  const options = { endpoint: hub.endpoint };

  it("is fetched once; what a branch stands for is asked every time, and remembered", async () => {
    const progress = await load("org/tiny", options);
    expect(progress.some(({ stage }) => stage === "download")).toBe(true);
    expect(hub.count("model.safetensors")).toBe(1);
    await load("org/tiny", options);
    expect(hub.count("model.safetensors")).toBe(1);
    const backend = await WasmBackend.load("org/tiny", options);
    expect([backend.modelId, backend.revision]).toEqual(["org/tiny", commit]);
    await backend.dispose();
    // Only what needs no answer that is new.
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed")));
    await load("org/tiny", options);
  });

  it("without a place to keep it, and with a token", async () => {
    vi.stubGlobal("caches", undefined);
    await load("org/tiny", { ...options, token: "hf_x" });
    expect(hub.requests.at(-1)?.authorization ?? "Bearer hf_x").toBe("Bearer hf_x");
  });

  it("a model that is not there, and a hub that is none", async () => {
    await expect(load("org/none", options)).rejects.toMatchObject({
      code: /MODEL_NOT_FOUND|DOWNLOAD_FAILED/,
    });
    const { url } = await startServer((_, response) => response.end("<html>"));
    await expect(load("org/tiny", { endpoint: url })).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
  });

  it("catalogue models are checked against the hash of their weights", async () => {
    hub.serve(
      "sentence-transformers/all-mpnet-base-v2",
      tinyModel,
      "e8c3b32edf5434bc2275fc9bab85f82640a19130",
    );
    await expect(load("all-mpnet-base-v2", options)).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" });
  });
});

import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type IncomingMessage } from "node:http";
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";
import { createServer as createTlsServer } from "node:https";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";

import { fixtures, temporaryFolder } from "../native/support.js";
import { fetchFrom, isRoot, leftovers, mountTmpfs, newCache, startHub, wrongFiles } from "./support.js";
import { runCliWith } from "./run-cli.js";

/** A user without rights. */
const NOBODY = 65534;

const hub = await startHub();
const mean = path.join(fixtures, "tiny-bert-mean");
const commit = hub.serve("org/mean", mean);

describe("offline", () => {
  const offline = { settings: { offline: true } };

  it("takes what is in the cache and asks nobody", async () => {
    const cache = newCache();
    const { folder } = await fetchFrom(hub, cache, "org/mean");
    hub.requests.length = 0;
    expect(await fetchFrom(hub, cache, "org/mean", offline)).toMatchObject({ folder, revision: commit });
    expect(await fetchFrom(hub, cache, "org/mean", { ...offline, revision: commit })).toMatchObject({
      folder,
    });
    expect(hub.requests).toEqual([]);
  });

  it("says what is missing and how to get it", async () => {
    const cache = newCache();
    await expect(fetchFrom(hub, cache, "org/mean", offline)).rejects.toMatchObject({
      code: "OFFLINE",
      message: `org/mean: it is not in the cache ${cache}, and downloads are turned off (offline, HF_HUB_OFFLINE). With a network, once: candle-embed pull org/mean`,
    });
    const { folder } = await fetchFrom(hub, cache, "org/mean");
    rmSync(path.join(folder, "sentence_bert_config.json"));
    await expect(fetchFrom(hub, cache, "org/mean", offline)).rejects.toMatchObject({
      code: "OFFLINE",
      message: expect.stringMatching(/^org\/mean: sentence_bert_config\.json is not in the cache/) as string,
    });
  });

  it("finds a file that went bad", async () => {
    const cache = newCache();
    const { folder } = await fetchFrom(hub, cache, "org/mean");
    const blob = path.join(cache, "models--org--mean/blobs", hub.file("org/mean", "tokenizer.json").etag);
    const content = readFileSync(blob);
    content[100] = (content[100] ?? 0) ^ 1;
    writeFileSync(blob, content);
    await expect(fetchFrom(hub, cache, "org/mean", offline)).rejects.toMatchObject({
      code: "OFFLINE",
      message: expect.stringMatching(/^org\/mean: tokenizer\.json is not right in the cache/) as string,
    });
    expect(existsSync(folder)).toBe(true);
  });
});

describe("a disk", () => {
  const small = mountTmpfs("size=160k");

  it.skipIf("reason" in small)(`that is full ${"reason" in small ? small.reason : ""}`, async () => {
    const cache = "folder" in small ? small.folder : "";
    const { content } = hub.file("org/mean", "model.safetensors");
    // Room enough by the numbers when the download begins, not when it ends.
    const other = path.join(cache, "other");
    hub.fault("model.safetensors", ({ response }) => {
      response.writeHead(200, { "Content-Length": content.length });
      response.write(content.subarray(0, 1000), () => {
        writeFileSync(other, Buffer.alloc(60_000));
        response.end(content.subarray(1000));
      });
    });
    await expect(fetchFrom(hub, cache, "org/mean")).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(/^the disk of the cache \S+ is full: make room/) as string,
    });
    expect(wrongFiles(cache)).toEqual([]);
    // And no room by the numbers.
    await expect(fetchFrom(hub, cache, "org/mean")).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(
        /needs 0\.\d MB more, and the disk of the cache \S+ has 0\.\d MB free/,
      ) as string,
    });
    rmSync(other);
    await fetchFrom(hub, cache, "org/mean");
    expect(wrongFiles(cache)).toEqual([]);
    expect(leftovers(cache)).toEqual([]);
  });

  const readOnly = mountTmpfs("size=2m");

  it.skipIf("reason" in readOnly)(
    `that can only be read: ${"reason" in readOnly ? readOnly.reason : "what is there serves"}`,
    async () => {
      const cache = "folder" in readOnly ? readOnly.folder : "";
      const { folder } = await fetchFrom(hub, cache, "org/mean");
      execFileSync("mount", ["-o", "remount,ro", cache]);
      try {
        expect((await fetchFrom(hub, cache, "org/mean", { verify: true })).folder).toBe(folder);
        hub.serve("org/other", mean);
        await expect(fetchFrom(hub, cache, "org/other")).rejects.toMatchObject({
          code: "DOWNLOAD_FAILED",
          message: expect.stringMatching(
            /can only be read, and the model is not in it: set HF_HUB_CACHE/,
          ) as string,
        });
      } finally {
        execFileSync("mount", ["-o", "remount,rw", cache]);
      }
    },
  );
});

describe("a cache", () => {
  it("that belongs to somebody else serves, and is not written", async () => {
    const cache = newCache();
    await fetchFrom(hub, cache, "org/mean");
    // Root may write everywhere, and has to be somebody else for that.
    if (isRoot) execFileSync("chmod", ["-R", "a+rX", path.dirname(cache)]);
    else execFileSync("chmod", ["-R", "a-w", cache]);
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      expect((await fetchFrom(hub, cache, "org/mean")).downloadedBytes).toBe(0);
      hub.serve("org/other", mean);
      await expect(fetchFrom(hub, cache, "org/other")).rejects.toMatchObject({
        code: "DOWNLOAD_FAILED",
        message: expect.stringMatching(/cannot be written/) as string,
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
      else execFileSync("chmod", ["-R", "u+w", cache]);
    }
  });

  it("that is a file is an error that names it", async () => {
    const cache = newCache();
    mkdirSync(path.dirname(cache), { recursive: true });
    writeFileSync(cache, "");
    await expect(fetchFrom(hub, cache, "org/mean")).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringContaining(cache) as string,
    });
  });

  it("can be moved", async () => {
    const cache = newCache();
    await fetchFrom(hub, cache, "org/mean");
    const moved = newCache();
    cpSync(cache, moved, { recursive: true, verbatimSymlinks: true });
    rmSync(cache, { recursive: true });
    hub.requests.length = 0;
    expect(
      (await fetchFrom(hub, moved, "org/mean", { revision: commit, verify: true })).downloadedBytes,
    ).toBe(0);
    expect(hub.requests).toEqual([]);
  });
});

describe("a proxy", () => {
  const saved = { ...process.env };
  afterEach(() => {
    process.env = { ...saved };
  });

  it("forwards plain HTTP, and is told who asks", async () => {
    const seen: { url: string; authorization: string | undefined }[] = [];
    const proxy = createServer((from: IncomingMessage, response) => {
      seen.push({ url: from.url ?? "", authorization: from.headers["proxy-authorization"] });
      const forwarded = request(from.url ?? "", { method: from.method, headers: from.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      });
      forwarded.end();
    });
    process.env["HTTP_PROXY"] = `http://me:p%40ss@127.0.0.1:${String(await listen(proxy))}`;
    const cache = newCache();
    await fetchFrom(hub, cache, "org/mean");
    proxy.close();
    expect(seen.length).toBeGreaterThan(8);
    expect(seen.every(({ url }) => url.startsWith("http://127.0.0.1:"))).toBe(true);
    expect(seen[0]?.authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
    expect(wrongFiles(cache)).toEqual([]);
  });

  it("opens a tunnel for HTTPS, which it cannot look into", async () => {
    const { key, cert, file } = selfSigned();
    const server = createTlsServer({ key, cert }, (from, response) => {
      const forwarded = request(`${hub.endpoint}${from.url ?? ""}`, { method: from.method }, (answer) => {
        // Large files come from the same host, so that everything is HTTPS.
        const { location, ...headers } = answer.headers;
        const target = location?.replace(/^http:\/\/[^/]+/, "");
        response.writeHead(answer.statusCode ?? 0, {
          ...headers,
          ...(target !== undefined && { location: target }),
        });
        answer.pipe(response);
      });
      forwarded.end();
    });
    const port = await listen(server);
    const tunnels: string[] = [];
    const proxy = createServer().on("connect", (from: IncomingMessage, socket: Socket) => {
      tunnels.push(from.url ?? "");
      const target = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      target.on("error", () => socket.destroy());
      socket.on("error", () => target.destroy());
    });
    const cache = newCache();
    // A process of its own: certificates that are trusted besides Node's are read at its start.
    const end = await runCliWith(["pull", "org/mean"], {
      HF_ENDPOINT: `https://localhost:${String(port)}`,
      HF_HUB_CACHE: cache,
      HTTPS_PROXY: `http://127.0.0.1:${String(await listen(proxy))}`,
      NODE_EXTRA_CA_CERTS: file,
    });
    proxy.close();
    server.close();
    expect(end).toMatchObject({
      code: 0,
      stdout: `${path.join(cache, "models--org--mean/snapshots", commit)}\n`,
    });
    expect(tunnels.length).toBeGreaterThan(0);
    expect(new Set(tunnels)).toEqual(new Set([`localhost:${String(port)}`]));
    expect(wrongFiles(cache)).toEqual([]);
  });

  it("that refuses or is silent is named", async () => {
    const refusing = createServer().on("connect", (_, socket: Socket) => {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    });
    process.env["HTTPS_PROXY"] = `http://127.0.0.1:${String(await listen(refusing))}`;
    const endpoint = { settings: { endpoint: "https://hub.invalid" } };
    await expect(fetchFrom(hub, newCache(), "org/mean", endpoint)).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(/the proxy 127\.0\.0\.1:\d+ answered 407/) as string,
    });
    refusing.close();
    const silent = createTcpServer(() => undefined);
    process.env["HTTPS_PROXY"] = `http://127.0.0.1:${String(await listen(silent))}`;
    await expect(fetchFrom(hub, newCache(), "org/mean", endpoint)).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringMatching(/no answer/) as string,
    });
    silent.close();
    const gone = createTcpServer();
    const port = String(await listen(gone));
    gone.close();
    process.env["HTTPS_PROXY"] = `http://me:secret@127.0.0.1:${port}`;
    const failure: unknown = await fetchFrom(hub, newCache(), "org/mean", endpoint).catch(
      (error: unknown) => error,
    );
    expect(String(failure)).toContain(
      `(through the proxy http://127.0.0.1:${port}, which the environment names:`,
    );
    expect(String(failure)).not.toContain("secret");
  });
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A certificate for localhost that nobody signed but itself. */
function selfSigned(): { key: Buffer; cert: Buffer; file: string } {
  const folder = temporaryFolder();
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2"].concat([
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ]),
    { stdio: "pipe" },
  );
  chmodSync(key, 0o600);
  return { key: readFileSync(key), cert: readFileSync(cert), file: cert };
}

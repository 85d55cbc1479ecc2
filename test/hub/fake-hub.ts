import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

/** A file as the fake hub serves it. */
export interface ServedFile {
  readonly content: Buffer;
  /** SHA-256 for what the hub keeps in large file storage, else the hash of the git object. */
  readonly etag: string;
  readonly blobId: string;
  readonly isLarge: boolean;
}

/** What the server does to one request for a file's content in place of answering it. */
export type Fault = (answer: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly content: Buffer;
  /** Of the range asked for. */
  readonly start: number;
}) => void;

/** One request as it came in. */
export interface SeenRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/**
 * A hub on this machine with the protocol of the real one: the answers about models, redirects of large files to another
 * host, ETags, ranges. Faults are put in by name of the file.
 */
export class FakeHub {
  readonly requests: SeenRequest[] = [];
  /** Faults that are used up one by one, by file name; `"api"` for the answers about models. */
  readonly faults = new Map<string, Fault[]>();
  /** Headers, by lower-case name, that every request must have. */
  requiredToken: string | undefined;
  /** Changes the listing of files before it is sent. */
  editTree: (entries: Record<string, unknown>[]) => unknown = (entries) => entries;
  readonly #models = new Map<string, { commit: string; files: Map<string, ServedFile> }>();
  readonly #hub: Server;
  readonly #files: Server;

  private constructor() {
    this.#hub = createServer((request, response) => {
      this.#answer(request, response);
    });
    this.#files = createServer((request, response) => {
      this.#answer(request, response);
    });
  }

  static async start(): Promise<FakeHub> {
    const hub = new FakeHub();
    for (const server of [hub.#hub, hub.#files]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return hub;
  }

  stop(): void {
    for (const server of [this.#hub, this.#files]) {
      server.close();
      server.closeAllConnections();
    }
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String((this.#hub.address() as AddressInfo).port)}`;
  }

  /** The host that large files are redirected to. */
  get filesHost(): string {
    return `127.0.0.1:${String((this.#files.address() as AddressInfo).port)}`;
  }

  /** Serves these files, or those of a folder, as the branch `main` of a model (or `datasets/org/name`), and gives its commit. */
  serve(
    repository: string,
    files: string | Readonly<Record<string, string | Buffer>>,
    knownCommit?: string,
  ): string {
    const contents = typeof files === "string" ? readFolder(files) : new Map(Object.entries(files));
    const served = new Map(
      [...contents].map(([name, content]) => [name, serveFile(name, Buffer.from(content))]),
    );
    const commit = createHash("sha1").update(repository);
    for (const [name, { etag }] of served) commit.update(name + etag);
    this.#models.set(repository, { commit: knownCommit ?? commit.digest("hex"), files: served });
    return this.commit(repository);
  }

  commit(repository: string): string {
    return this.#model(repository).commit;
  }

  file(repository: string, name: string): ServedFile {
    const file = this.#model(repository).files.get(name);
    if (file === undefined) throw new Error(`no file ${name}`);
    return file;
  }

  /** Puts in what happens to the next requests for a file, one each. */
  fault(name: string, ...faults: Fault[]): void {
    this.faults.set(name, [...(this.faults.get(name) ?? []), ...faults]);
  }

  /** How often the content of a file was asked for. */
  count(name: string): number {
    return this.requests.filter(({ path }) => path.startsWith("/content/") && path.endsWith(`/${name}`))
      .length;
  }

  #model(repository: string): { commit: string; files: Map<string, ServedFile> } {
    const model = this.#models.get(repository);
    if (model === undefined) throw new Error(`no model ${repository}`);
    return model;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", headers } = request;
    const url = new URL(request.url ?? "/", "http://hub");
    this.requests.push({
      method,
      host: headers.host ?? "",
      path: decodeURIComponent(url.pathname),
      range: headers.range,
      authorization: headers.authorization,
    });
    const [, first = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
    if (first === "content") this.#sendContent(request, response, rest);
    else if (this.requiredToken !== undefined && headers.authorization !== `Bearer ${this.requiredToken}`) {
      refuse(response, 401, "RepoNotFound");
    } else if (first === "api") this.#sendAbout(request, response, rest);
    else this.#resolve(request, response, [first, ...rest]);
  }

  /** `/api/(models|datasets)/{org}/{name}/(revision|tree)/{revision}` */
  #sendAbout(
    request: IncomingMessage,
    response: ServerResponse,
    [of, org, name, kind, revision]: string[],
  ): void {
    const fault = this.faults.get("api")?.shift();
    if (fault !== undefined) {
      fault({ request, response, content: Buffer.from("{}"), start: 0 });
      return;
    }
    const model = this.#models.get(`${of === "datasets" ? "datasets/" : ""}${org ?? ""}/${name ?? ""}`);
    if (model === undefined) {
      refuse(response, 404, "RepoNotFound");
    } else if (revision !== "main" && revision !== model.commit) {
      refuse(response, 404, "RevisionNotFound");
    } else if (kind === "revision") {
      sendJson(response, { id: `${org ?? ""}/${name ?? ""}`, sha: model.commit, siblings: [] });
    } else {
      const entries = [...model.files].map(([path, { content, etag, blobId, isLarge }]) => ({
        type: "file",
        path,
        size: content.length,
        oid: blobId,
        ...(isLarge && { lfs: { oid: etag, size: content.length, pointerSize: 130 } }),
      }));
      sendJson(response, this.editTree(entries));
    }
  }

  /** `/{org}/{name}/resolve/{revision}/{file}`, for a data set behind `/datasets` */
  #resolve(request: IncomingMessage, response: ServerResponse, parts: string[]): void {
    const [repository, [, revision = "", ...rest]] = splitRepository(parts);
    const model = this.#models.get(repository);
    const fileName = rest.join("/");
    const file = model?.files.get(fileName);
    if (model !== undefined) response.setHeader("X-Repo-Commit", model.commit);
    if (model === undefined) {
      refuse(response, 404, "RepoNotFound");
    } else if (revision !== "main" && revision !== model.commit) {
      refuse(response, 404, "RevisionNotFound");
    } else if (file === undefined) {
      refuse(response, 404, "EntryNotFound");
    } else if (file.isLarge) {
      response.setHeader("X-Linked-Etag", `"${file.etag}"`);
      response.setHeader("X-Linked-Size", file.content.length);
      response.setHeader("Location", `http://${this.filesHost}/content/${repository}/${encodeURI(fileName)}`);
      response.writeHead(302).end();
    } else if (request.method === "HEAD") {
      response.writeHead(200, { ETag: `"${file.etag}"`, "Content-Length": file.content.length }).end();
    } else {
      response.setHeader("Location", `/content/${repository}/${encodeURI(fileName)}`);
      response.writeHead(307).end();
    }
  }

  #sendContent(request: IncomingMessage, response: ServerResponse, parts: string[]): void {
    const [repository, rest] = splitRepository(parts);
    const fileName = rest.join("/");
    const file = this.#models.get(repository)?.files.get(fileName);
    if (file === undefined) {
      refuse(response, 404, "EntryNotFound");
      return;
    }
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(from ?? 0);
    const fault = this.faults.get(fileName)?.shift();
    if (fault !== undefined) fault({ request, response, content: file.content, start });
    else sendRange(request, response, file.content);
  }
}

/** The right answer: all of it, or the range that was asked for. */
export function sendRange(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  if (from === undefined) {
    response.writeHead(200, { "Content-Length": content.length }).end(content);
    return;
  }
  const start = Number(from);
  if (start >= content.length) {
    response.writeHead(416, { "Content-Range": `bytes */${String(content.length)}` }).end();
    return;
  }
  const range = `bytes ${String(start)}-${String(content.length - 1)}/${String(content.length)}`;
  const part = content.subarray(start);
  response.writeHead(206, { "Content-Length": part.length, "Content-Range": range }).end(part);
}

/** The repository that an address begins with (`org/name`, `datasets/org/name`), and the rest. */
function splitRepository(parts: readonly string[]): [repository: string, rest: string[]] {
  const length = parts[0] === "datasets" ? 3 : 2;
  return [parts.slice(0, length).join("/"), parts.slice(length)];
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "X-Error-Code": code, "X-Error-Message": code }).end();
}

/** Weights and tokenizers are large files on the hub, everything else is in git. */
function serveFile(name: string, content: Buffer): ServedFile {
  const blobId = createHash("sha1")
    .update(`blob ${String(content.length)}\0`)
    .update(content)
    .digest("hex");
  const isLarge = /\.safetensors$|\.bin$|\.parquet$|tokenizer\.json$/.test(name);
  const etag = isLarge ? createHash("sha256").update(content).digest("hex") : blobId;
  return { content, etag, blobId, isLarge };
}

function readFolder(folder: string): Map<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(path.join(folder, name)).isFile());
  return new Map(
    files.map((name) => [name.split(path.sep).join("/"), readFileSync(path.join(folder, name))]),
  );
}

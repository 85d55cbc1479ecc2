import { afterAll } from "vitest";

import { Embeddings, type EmbeddingBackend, type EmbedOptions } from "candle-embed";
import { createServer, type EmbeddingServer, type ServerOptions } from "candle-embed/server";

import { loadForTests } from "../native/support.js";

export { loadForTests } from "../native/support.js";

/** How long `expect.poll` waits on a busy machine. */
export const patience = { timeout: 30_000, interval: 10 };

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly server: EmbeddingServer;
}

/** A server on a free port that is closed after the test file. */
export async function startServer(options: ServerOptions): Promise<TestServer> {
  const server = await createServer(options);
  afterAll(() => server.close({ deadlineMs: 0 }));
  const { url, port } = await server.listen({ port: 0 });
  return { url, port, server };
}

/** The embedded model behind a server, and in this process to compare with. */
export async function startEmbedded(options: Partial<ServerOptions> = {}) {
  const backend = await loadForTests();
  return { backend, ...(await startServer({ models: { mini: backend }, ...options })) };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, parsed; `undefined` where it is not JSON. */
  readonly body: Record<string, unknown>;
}

/** Sends JSON, or a string as it is. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  });
  return read(response);
}

export async function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return read(await fetch(url, { headers }));
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return { status: response.status, headers: response.headers, text, body: body as Record<string, unknown> };
}

/** The vectors of an answer, from floats or base64. */
export function vectorsOf({ body }: Answer): Float32Array[] {
  const data = body["data"] as { embedding: number[] | string }[];
  return data.map(({ embedding }) => {
    if (typeof embedding !== "string") return Float32Array.from(embedding);
    const bytes = new Uint8Array(Buffer.from(embedding, "base64"));
    return new Float32Array(bytes.buffer);
  });
}

/** The error in an answer. */
export function errorOf({ body }: Answer): { message: string; type: string; param: unknown; code: unknown } {
  return body["error"] as ReturnType<typeof errorOf>;
}

/** A backend that answers when it is told to, and remembers what it was asked. */
export class FakeBackend implements EmbeddingBackend {
  readonly modelId = "fake";
  readonly revision = "1";
  readonly dimensions = 2;
  readonly maxTokens = 512;
  readonly space = {
    id: "fake",
    modelId: "fake",
    revision: "1",
    dimensions: 2,
    pooling: "mean",
    normalized: false,
    prompts: {},
  };
  /** The texts of each call. */
  readonly calls: string[][] = [];
  /** What a call waits for. */
  work: (texts: readonly string[], options: EmbedOptions) => Promise<void> = () => Promise.resolve();
  disposed = false;

  async embed(texts: string | readonly string[], options: EmbedOptions = {}): Promise<Embeddings<never>> {
    const list = typeof texts === "string" ? [texts] : [...texts];
    this.calls.push(list);
    await this.work(list, options);
    return new Embeddings({
      data: Float32Array.from(list.flatMap(fakeVector)),
      dimensions: 2,
      tokens: Uint32Array.from(list, (text) => text.length),
      truncated: [],
      backend: "fake",
    }) as unknown as Embeddings<never>;
  }

  async embedQuery(text: string): Promise<never> {
    return (await this.embed(text)).data;
  }

  embedDocuments(texts: readonly string[]): Promise<Embeddings<never>> {
    return this.embed(texts);
  }

  dispose(): Promise<void> {
    this.disposed = true;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** A vector by which a text is told from others. */
export function fakeVector(text: string): [number, number] {
  let hash = 0;
  for (const character of text) hash = (31 * hash + (character.codePointAt(0) as number)) % 65_537;
  return [text.length, hash];
}

/** A promise and what settles it. */
export function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...(settle as NonNullable<typeof settle>) };
}

import { createHash } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";

export const dimensions = 8;

/** Eight numbers for a text, of length 1, that no other text has; another `model` gives others. */
export function vectorOf(text: string, model = "model"): Float32Array {
  const bytes = createHash("sha256").update(`${model}\0${text}`).digest();
  const vector = Float32Array.from({ length: dimensions }, (_, i) => bytes.readInt16LE(2 * i) / 32_768);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

export interface RequestBody {
  model: string;
  input: string[];
  encoding_format?: string;
  dimensions?: number;
}

/** OpenAI's answer to this request. */
export function rightAnswer(body: RequestBody, vectors: Iterable<Float32Array>): Record<string, unknown> {
  const data = Array.from(vectors, (vector, index) => ({
    object: "embedding",
    index,
    embedding:
      body.encoding_format === "base64"
        ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64")
        : Array.from(vector),
  }));
  const tokens = body.input.length * 3;
  return {
    object: "list",
    data,
    model: body.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

export interface Exchange {
  readonly body: RequestBody;
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly answer: () => Promise<Record<string, unknown>>;
}

/** What the server does in place of answering; it may call `answer` for what it would have said. */
export type Fault = (exchange: Exchange) => void | Promise<void>;

/** A server with OpenAI's `/v1/embeddings` that does what it is told. */
export class FakeApi {
  readonly requests: { body: RequestBody; headers: http.IncomingHttpHeaders }[] = [];
  /** Used up one by one, by the requests in the order in which they come. */
  readonly faults: Fault[] = [];
  /** For every request that finds no other. */
  fault: Fault | undefined;
  /** The keys it takes; without any, everybody may ask. */
  readonly keys = new Set<string>();
  /** Requests being answered, and the most there were. */
  busy = 0;
  mostBusy = 0;
  embed = (texts: string[]): Promise<Iterable<Float32Array>> =>
    Promise.resolve(texts.map((text) => vectorOf(text)));
  #server: http.Server | undefined;
  #port = 0;

  /** A server that is gone after the test file. */
  static async start(): Promise<FakeApi> {
    const api = new FakeApi();
    await api.start();
    afterAll(() => {
      api.stop();
    });
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.#port)}/v1`;
  }

  /** Listens, after `stop` on the same port again. */
  async start(): Promise<void> {
    const server = http.createServer((request, response) => void this.#handle(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Ends like a process that is killed: connections break. */
  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // the client is gone
    }
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as RequestBody;
    this.requests.push({ body, headers: request.headers });
    this.mostBusy = Math.max(this.mostBusy, ++this.busy);
    response.once("close", () => this.busy--);
    const answer = async (): Promise<Record<string, unknown>> =>
      rightAnswer(body, await this.embed(body.input));
    const key = request.headers.authorization?.replace("Bearer ", "");
    if (this.keys.size > 0 && !this.keys.has(key ?? "")) {
      const error = { message: `Incorrect API key provided: ${key ?? ""}`, code: "invalid_api_key" };
      response.writeHead(401).end(JSON.stringify({ error }));
      return;
    }
    const fault = this.faults.shift() ?? this.fault;
    if (fault !== undefined) await fault({ body, request, response, answer });
    else response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(await answer()));
  }
}

/** Answers with this. */
export function answerWith(
  status: number,
  body: unknown,
  headers: Record<string, string | number> = {},
): Fault {
  return ({ response }) => {
    const text = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    response.writeHead(status, headers).end(text);
  };
}

/** Breaks the connection. */
export const reset: Fault = ({ response }) => {
  response.socket?.resetAndDestroy();
};

/** Never answers. */
export const stall: Fault = () => undefined;

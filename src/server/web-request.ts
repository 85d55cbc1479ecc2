import { Cancellation } from "../utils/cancellation.js";
import { CandleEmbedError } from "../errors.js";
import type { ByteBudget } from "./byte-budget.js";
import type { Core } from "./core.js";
import { HostCheck } from "./hosts.js";
import { badRequest } from "./http-error.js";
import type { Incoming } from "./http.js";
import { tooLarge } from "./node-request.js";

/** A web `Request`. */
class WebRequest implements Incoming {
  readonly method: string;
  readonly path: string;
  readonly cancellation: Cancellation;
  readonly #request: Request;
  readonly #url: URL;
  readonly #budget: ByteBudget;
  #taken = 0;

  constructor(request: Request, budget: ByteBudget) {
    this.#request = request;
    this.#budget = budget;
    this.#url = new URL(request.url);
    this.method = request.method;
    this.path = this.#url.pathname;
    this.cancellation = new Cancellation(request.signal);
  }

  header(name: string): string | undefined {
    // Requests that never were on a wire have no Host.
    return this.#request.headers.get(name) ?? (name === "host" ? this.#url.host : undefined);
  }

  async read(limit: number): Promise<Buffer> {
    if (Number(this.header("content-length") ?? 0) > limit) throw tooLarge(limit);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#chunks()) {
      this.cancellation.throwIfCancelled();
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      this.#budget.take(chunk.length);
      this.#taken += chunk.length;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }

  async *#chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const { body, bodyUsed } = this.#request;
    if (body === null) return;
    if (bodyUsed || body.locked) {
      throw badRequest(
        "the body of this request was read before it came here: hand it on before anything parses it, or as a new Request",
      );
    }
    try {
      yield* body as unknown as AsyncIterable<Uint8Array>;
    } catch (cause) {
      // As over node:http: whoever was sending is not there any more.
      this.cancellation.cancel(
        new CandleEmbedError("ABORTED", "the body of the request broke off", { cause }),
      );
      this.cancellation.throwIfCancelled();
    }
  }

  /** To be called when it is answered. */
  close(): void {
    this.cancellation.close();
    this.#budget.giveBack(this.#taken);
  }
}

/** Answers web requests. In a process there is no port that a foreign page could reach; names are checked only where asked. */
export function webHandler(core: Core): typeof fetch {
  const hosts = new HostCheck(core.settings.allowedHosts);
  return async (input, init) => {
    const webRequest = input instanceof Request && init === undefined ? input : new Request(input, init);
    const request = new WebRequest(webRequest, core.budget);
    try {
      const { status, headers, body } = await core.handle(request, hosts);
      // As fetch does, for callers who do not wait for an answer any more.
      webRequest.signal.throwIfAborted();
      const empty = status === 204 || webRequest.method === "HEAD";
      return new Response(empty ? null : body, { status, headers });
    } catch (error) {
      throw CandleEmbedError.isInstance(error) && webRequest.signal.aborted
        ? webRequest.signal.reason
        : error;
    } finally {
      request.close();
    }
  };
}

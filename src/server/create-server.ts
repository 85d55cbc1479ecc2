import { setTimeout as sleep } from "node:timers/promises";

import { checkOptions } from "../backends/check-options.js";
import { CandleEmbedError } from "../errors.js";
import { packageVersion } from "../utils/package-version.js";
import { ApiKeys } from "./api-keys.js";
import { Core } from "./core.js";
import { Listener } from "./listener.js";
import {
  closeChecks,
  listenChecks,
  toServerSettings,
  type CloseOptions,
  type ListenOptions,
  type ServerOptions,
} from "./server-options.js";
import { webHandler } from "./web-request.js";
import { messageOf } from "../utils/message-of.js";

/** An embedding server. */
export interface EmbeddingServer extends AsyncDisposable {
  /**
   * Answers a request without a port. Stands in for `fetch` in clients, `new OpenAI({ fetch: server.fetch })`, and for the
   * handler of other servers (Bun, Deno, Hono).
   */
  readonly fetch: typeof fetch;
  /**
   * Resolves when all models are loaded and warm; rejects when one cannot be loaded. Then `/ready` says `failed`, and requests
   * to that model get 500.
   */
  readonly ready: Promise<void>;
  /** Opens a port; can be called for several. Models may be loading still. */
  listen(options?: ListenOptions): Promise<{ readonly url: string; readonly port: number }>;
  /** Answers what has come, then closes its ports and frees the models it loaded. Calling it again waits for the same end. */
  close(options?: CloseOptions): Promise<void>;
}

/** Requests that were given up get their answer before their connections are cut. */
const lastAnswersMs = 200;

/**
 * Makes a server with OpenAI's API of embeddings in front of any backends.
 *
 * ```ts
 * const server = await createServer({ models: { "all-MiniLM-L6-v2": await NativeBackend.load() } });
 * const { url } = await server.listen({ port: 8080 });
 * ```
 *
 * Backends passed as such are warm when the promise resolves.
 *
 * @throws CandleEmbedError `INVALID_INPUT`, `API_KEY_COMMAND_FAILED`; what a backend rejects the warm-up with.
 */
export async function createServer(options: ServerOptions): Promise<EmbeddingServer> {
  const settings = toServerSettings(options);
  const server = new Server(new Core(options, settings, await ApiKeys.read(options), packageVersion()));
  await server.start(options);
  return server;
}

class Server implements EmbeddingServer {
  readonly fetch: typeof fetch;
  ready: Promise<void> = Promise.resolve();
  readonly #core: Core;
  readonly #listeners: Listener[] = [];
  #closing: Promise<void> | undefined;

  constructor(core: Core) {
    this.#core = core;
    this.fetch = webHandler(core);
  }

  /** Starts all models, and waits for those that need no loading. */
  async start({ models }: ServerOptions): Promise<void> {
    const starts = this.#core.models.map(async (model) => {
      await model.start().catch((error: unknown) => {
        // Whoever stops the server ends its loads too.
        if (this.#closing === undefined)
          this.#core.log.write("error", "model_failed", describeFailure(model.name, error));
        throw error;
      });
      const { device, dtype, model_id: modelId, revision } = model.labels ?? {};
      this.#core.log.write("info", "model_ready", {
        model: model.name,
        model_id: modelId,
        revision,
        device,
        dtype,
      });
    });
    this.ready = Promise.all(starts).then(() => undefined);
    // Whoever waits for it hears of it; nobody has to.
    this.ready.catch(() => undefined);
    const there = starts.filter((_, index) => typeof Object.values(models)[index] !== "function");
    try {
      await Promise.all(there);
    } catch (error) {
      await this.close({ deadlineMs: 0 });
      throw error;
    }
  }

  async listen(options: ListenOptions = {}): Promise<{ url: string; port: number }> {
    checkOptions(options, listenChecks);
    if (this.#closing !== undefined) throw new CandleEmbedError("DISPOSED", "the server was closed");
    const listener = new Listener(this.#core);
    const address = await listener.listen(options);
    this.#listeners.push(listener);
    this.#core.log.write("info", "listening", { url: address.url });
    return address;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    checkOptions(options, closeChecks);
    this.#closing ??= this.#close(options);
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close({ deadlineMs = 10_000, delayMs = 0 }: CloseOptions): Promise<void> {
    const core = this.#core;
    core.drain();
    const wasUp = this.#listeners.length > 0;
    if (wasUp) core.log.write("info", "draining", { active_requests: core.activeRequests });
    await sleep(delayMs);
    const cut = new AbortController();
    const deadline = setTimeout(() => {
      core.log.write("warn", "drain_deadline", { active_requests: core.activeRequests });
      core.giveUp(new CandleEmbedError("DISPOSED", "the server is shutting down"));
      setTimeout(() => {
        cut.abort();
      }, lastAnswersMs);
    }, deadlineMs);
    await Promise.all([...this.#listeners.map((listener) => listener.close(cut.signal)), core.whenIdle()]);
    clearTimeout(deadline);
    await core.close();
    if (wasUp) core.log.write("info", "stopped");
  }
}

function describeFailure(model: string, error: unknown): Record<string, unknown> {
  const code = CandleEmbedError.isInstance(error) ? error.code : undefined;
  const message = messageOf(error);
  return { model, code, message: message.slice(0, 300) };
}

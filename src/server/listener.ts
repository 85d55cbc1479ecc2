import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { Server as NetServer, type AddressInfo, type Socket } from "node:net";
import { setImmediate as nextLoopTurn, setTimeout as sleep } from "node:timers/promises";

import { invalid } from "../backends/check-options.js";
import { CandleEmbedError } from "../errors.js";
import type { Core } from "./core.js";
import { HostCheck, isLoopback, urlHost } from "./hosts.js";
import { HttpError } from "./http-error.js";
import type { Outgoing } from "./http.js";
import { clientGone, NodeRequest } from "./node-request.js";
import type { ListenOptions } from "./server-options.js";

/** Bounds against clients that send slowly or not at all, in milliseconds. */
const times = {
  /** For the headers of a request. */
  headersTimeout: 10_000,
  /** For a request with its body. */
  requestTimeout: 30_000,
  /** How often both are looked at: so much later may a slow client be cut off. */
  connectionsCheckingInterval: 2_000,
  /** A connection without requests: longer than the minute after which load balancers give up theirs. */
  keepAliveTimeout: 65_000,
} as const;

/** Sockets at a time. Node raises the process' own limit to what the system allows. */
const maxConnections = 4_096;

/** A client that takes nothing of an answer for so long is cut off. */
const stalledAnswerMs = 60_000;

/** For so long the rest of a body is read after an early answer. */
const lingerMs = 1_000;

/** A turn of the event loop in which next to nothing happened. */
const quietTurnMs = 0.3;

/** When draining: requests may be on their way on connections that look idle. */
const idleGraceMs = 500;

/** A port in front of the core. */
export class Listener {
  readonly #core: Core;
  readonly #server: Server;
  #hosts = new HostCheck(undefined);
  #accepted = 0;
  /** Connections without a request yet, which node:http does not count among the idle ones. */
  readonly #unused = new Set<Socket>();

  constructor(core: Core) {
    this.#core = core;
    const server = createServer({ ...times, maxHeaderSize: 16_384 });
    server.maxConnections = maxConnections;
    server.on("connection", (socket: Socket) => {
      this.#accepted++;
      this.#unused.add(socket);
      socket.once("close", () => this.#unused.delete(socket));
    });
    server.on("request", (request, response) => void this.#answer(request, response));
    server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      // Whoever announces too much gets 413 before the body is sent.
      const tooMuch = Number(request.headers["content-length"] ?? 0) > core.settings.maxBodyBytes;
      if (tooMuch) response.setHeader("connection", "close");
      else response.writeContinue();
      void this.#answer(request, response);
    });
    server.on("clientError", refuseBroken);
    this.#server = server;
  }

  /** @throws CandleEmbedError `INVALID_INPUT` for an address that is not safe, is taken, or is none of this machine. */
  async listen({ host = "127.0.0.1", port = 8080 }: ListenOptions): Promise<{ url: string; port: number }> {
    const { apiKeys, settings } = this.#core;
    const { allowUnauthenticated, allowedHosts } = settings;
    if (!isLoopback(host) && !apiKeys.needed && !allowUnauthenticated) {
      throw invalid(
        `${host} can be reached by others: set an API key (--api-key-file, CANDLE_EMBED_API_KEYS), or say that everyone ` +
          "may use this server (--allow-unauthenticated)",
      );
    }
    this.#hosts = new HostCheck(allowedHosts ?? (apiKeys.needed ? undefined : []));
    await new Promise<void>((resolve, reject) => {
      const refused = (cause: Error): void => reject(cannotListen(host, port, cause));
      this.#server.once("error", refused);
      this.#server.listen({ host, port }, () => {
        this.#server.removeListener("error", refused);
        resolve();
      });
    });
    const address = this.#server.address() as AddressInfo;
    return { url: `http://${urlHost(host)}:${String(address.port)}`, port: address.port };
  }

  /**
   * Takes no further connections and resolves when the last one is closed: those with a request when it is answered, idle
   * ones after a moment, all when `signal` fires.
   */
  async close(signal: AbortSignal): Promise<void> {
    await this.#emptyBacklog();
    const closed = new Promise<void>((resolve) => {
      // Not http.Server's own close, which cuts idle connections at once: a request may be on its way.
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
    await Promise.race([closed, sleep(idleGraceMs, undefined, { signal, ref: true }).catch(() => undefined)]);
    const closeIdle = (): void => {
      this.#server.closeIdleConnections();
      // One that has sent a part of its first request is given the time to finish it.
      for (const socket of this.#unused) if (socket.bytesRead === 0) socket.destroy();
    };
    const timer = setInterval(closeIdle, 20);
    const closeAll = (): void => {
      this.#server.closeAllConnections();
    };
    if (signal.aborted) closeAll();
    signal.addEventListener("abort", closeAll, { once: true });
    closeIdle();
    await closed;
    clearInterval(timer);
    signal.removeEventListener("abort", closeAll);
    // Ends the timer of http.Server's own.
    this.#server.close(() => undefined);
  }

  /**
   * The system completes connections before they are accepted; closing the socket would reset those. So it is closed right
   * after a turn of the event loop that brought none and was short: what comes between the two is lost. Where clients go on
   * opening connections, only a delay that lets them notice loses none for certain.
   */
  async #emptyBacklog(): Promise<void> {
    const giveUpAt = performance.now() + idleGraceMs;
    let now = performance.now();
    for (let quiet = false; !quiet && now < giveUpAt;) {
      const accepted = this.#accepted;
      const before = now;
      await nextLoopTurn();
      now = performance.now();
      quiet = accepted === this.#accepted && now - before < quietTurnMs;
    }
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#unused.delete(message.socket);
    const { budget } = this.#core;
    const request = new NodeRequest(message, budget);
    let held = 0;
    response.once("close", () => {
      budget.giveBack(held);
      if (!response.writableFinished) request.cancellation.cancel(clientGone());
    });
    const outgoing = await this.#core.handle(request, this.#hosts);
    request.close();
    if (response.destroyed) return;
    held = Buffer.byteLength(outgoing.body);
    budget.hold(held);
    send(message, response, outgoing, held);
  }
}

function cannotListen(host: string, port: number, cause: NodeJS.ErrnoException): CandleEmbedError {
  const place = `${host}:${String(port)}`;
  const message =
    cause.code === "EADDRINUSE"
      ? `${place} is in use already: take another port, --port (0: any that is free)`
      : `cannot listen on ${place}: ${cause.message}`;
  return new CandleEmbedError("INVALID_INPUT", message, { cause });
}

function send(
  message: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Outgoing,
  length: number,
): void {
  if (status !== 204) headers["content-length"] = String(length);
  response.writeHead(status, headers);
  response.end(message.method === "HEAD" ? undefined : body);
  if (!message.complete) linger(message);
  if (!response.writableFinished && message.socket.writableLength > 0) {
    message.socket.setTimeout(stalledAnswerMs, () => message.socket.destroy());
    response.once("finish", () => message.socket.setTimeout(0));
  }
}

/**
 * Node reads and throws away what is left of a body after an early answer, which closing the socket would destroy; but not
 * for ever.
 */
function linger(message: IncomingMessage): void {
  const timer = setTimeout(() => message.socket.destroy(), lingerMs);
  const stop = (): void => {
    clearTimeout(timer);
  };
  message.once("end", stop).once("close", stop);
}

/** What is not HTTP, or too slow: Node's parser knows more than the status. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
  const { headers, body } = new HttpError(status, "the request is not proper HTTP, or too slow").toOutgoing();
  socket.end(
    `HTTP/1.1 ${String(status)} ${String(STATUS_CODES[status])}\r\nconnection: close\r\ncontent-type: ${String(headers["content-type"])}\r\n` +
      `content-length: ${String(Buffer.byteLength(body))}\r\n\r\n${body.toString()}`,
  );
}

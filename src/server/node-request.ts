import type { IncomingMessage } from "node:http";

import { CandleEmbedError } from "../errors.js";
import { Cancellation } from "../utils/cancellation.js";
import type { ByteBudget } from "./byte-budget.js";
import { HttpError } from "./http-error.js";
import type { Incoming } from "./http.js";

/** A request of node:http. */
export class NodeRequest implements Incoming {
  readonly method: string;
  readonly path: string;
  readonly cancellation = new Cancellation(undefined);
  readonly #message: IncomingMessage;
  readonly #budget: ByteBudget;
  #taken = 0;

  constructor(message: IncomingMessage, budget: ByteBudget) {
    this.#message = message;
    this.#budget = budget;
    this.method = message.method ?? "";
    this.path = withoutQuery(message.url ?? "");
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  read(limit: number): Promise<Buffer> {
    const message = this.#message;
    return new Promise((resolve, reject) => {
      this.cancellation.throwIfCancelled();
      const announced = Number(message.headers["content-length"] ?? 0);
      if (announced > limit) throw tooLarge(limit);
      this.#take(announced);
      const chunks: Buffer[] = [];
      let size = 0;
      const end = (): void => {
        resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
      };
      const fail = (error: unknown): void => {
        message.removeListener("data", onData);
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const onData = (chunk: Buffer): void => {
        size += chunk.length;
        try {
          if (size > limit) throw tooLarge(limit);
          if (size > this.#taken) this.#take(size - this.#taken);
        } catch (error) {
          fail(error);
          return;
        }
        chunks.push(chunk);
        // Not to wait a turn for "end", which brings nothing more.
        if (size === announced) end();
      };
      message.on("data", onData);
      // Without a length, or with nothing to come.
      if (announced === 0) message.once("end", end);
      this.cancellation.waiter = fail;
    });
  }

  /** To be called when it is answered. */
  close(): void {
    this.#budget.giveBack(this.#taken);
    this.#taken = 0;
  }

  #take(bytes: number): void {
    this.#budget.take(bytes);
    this.#taken += bytes;
  }
}

export function tooLarge(limit: number): HttpError {
  return new HttpError(413, `the body is larger than the ${String(limit)} bytes that are taken`, {
    code: "request_too_large",
  });
}

/** What a request ends with whose client has left. */
export function clientGone(): CandleEmbedError {
  return new CandleEmbedError("ABORTED", "the client has gone");
}

function withoutQuery(url: string): string {
  const end = url.indexOf("?");
  return end === -1 ? url : url.slice(0, end);
}

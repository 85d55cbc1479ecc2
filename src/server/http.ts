import type { Cancellation } from "../utils/cancellation.js";

/** What the routes see of a request, whether it came over node:http or as a web `Request`. */
export interface Incoming {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The value of a header by its name in lower case. */
  header(name: string): string | undefined;
  /** Reads the body. Rejects with 413 when it is larger than `limit` bytes. */
  read(limit: number): Promise<Buffer>;
  /** Cancelled when the client is gone or the request's time is over. */
  readonly cancellation: Cancellation;
}

/** What a route answers. A string goes out as UTF-8. */
export interface Outgoing {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer;
}

/** A JSON answer. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Outgoing {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}

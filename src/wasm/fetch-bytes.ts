import { CandleEmbedError } from "../errors.js";
import { aborted } from "../utils/cancellation.js";

/** What a browser keeps models in (Cache API), where it has one: pages over plain HTTP have none. */
const cacheName = "candle-embed";

/** Names what a stored answer was stored for. */
const validatorHeader = "x-candle-embed-validator";

/** A {@link FetchOptions.validator} that takes any stored copy. */
export const anyVersion = "*";

export interface FetchOptions {
  readonly signal: AbortSignal | undefined;
  readonly token?: string | undefined;
  /**
   * What has to be the same for a stored copy to be taken: an ETag, or `"immutable"` for what never changes. `undefined`:
   * nothing is stored.
   */
  readonly validator: string | undefined;
  /** Told of bytes so far, and of those that just came over the network. */
  readonly onBytes?: (bytes: number, received: number) => void;
}

/** The bytes at `url`, from the store or the network. */
export async function fetchBytes(url: string, options: FetchOptions): Promise<Uint8Array> {
  const { validator, onBytes } = options;
  const store = validator === undefined ? undefined : await openStore();
  const stored = await store?.match(url).catch(() => undefined);
  if (stored && (validator === anyVersion || stored.headers.get(validatorHeader) === validator)) {
    const bytes = new Uint8Array(await stored.arrayBuffer());
    onBytes?.(bytes.length, 0);
    return bytes;
  }
  const bytes = await readBody(await request(url, "GET", options), options);
  if (store !== undefined && validator !== undefined) {
    const headers = { [validatorHeader]: validator };
    // A full store must not fail a load.
    await store.put(url, new Response(bytes as BodyInit, { headers })).catch(() => undefined);
  }
  return bytes;
}

/** Whether there is a stored copy, whatever it was stored for. */
export async function isStored(url: string): Promise<boolean> {
  return (await (await openStore())?.match(url).catch(() => undefined)) !== undefined;
}

/** Forgets what is stored of `url`. */
export async function forget(url: string): Promise<void> {
  await (await openStore())?.delete(url).catch(() => false);
}

/** Sends a request; an answer that is no success is an error. */
export async function request(
  url: string,
  method: "GET" | "HEAD",
  { signal, token }: Pick<FetchOptions, "signal" | "token">,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      ...(signal !== undefined && { signal }),
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    });
  } catch (cause) {
    throw failed(url, cause, signal);
  }
  if (response.ok) return response;
  const missing = response.status === 404 || response.status === 410;
  throw new CandleEmbedError(
    missing ? "MODEL_NOT_FOUND" : "DOWNLOAD_FAILED",
    `${url} answered HTTP ${String(response.status)}`,
  );
}

async function readBody(response: Response, { signal, onBytes }: FetchOptions): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const reader = response.body?.getReader();
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || value === undefined) break;
      chunks.push(value);
      length += value.length;
      onBytes?.(length, value.length);
    }
  } catch (cause) {
    throw failed(response.url, cause, signal);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function failed(url: string, cause: unknown, signal: AbortSignal | undefined): CandleEmbedError {
  if (signal?.aborted === true) return aborted(signal);
  return new CandleEmbedError(
    "DOWNLOAD_FAILED",
    `${url} could not be fetched (${String(cause)}). Check the address, the network, and whether the server allows ` +
      "this page to read it (CORS)",
    { cause },
  );
}

async function openStore(): Promise<Cache | undefined> {
  try {
    return await (globalThis as { caches?: CacheStorage }).caches?.open(cacheName);
  } catch {
    // A browser may refuse it, as in private windows.
    return undefined;
  }
}

import { HttpError } from "./http-error.js";
import type { Incoming, Outgoing } from "./http.js";

/** What scripts of other origins may read of an answer. */
const exposedHeaders = "x-request-id, openai-processing-ms, retry-after, retry-after-ms";

/** Seconds that a browser remembers a preflight's answer. */
const preflightLasts = "600";

/** Which web pages may call the server: its own, and those of the origins allowed. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  /** @param origins `"*"` allows all. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  }

  /**
   * The headers that an answer needs so that the page that asked may read it. Without CORS a foreign page could not read
   * an answer, but make the server compute; so it is refused.
   *
   * @throws HttpError 403
   */
  check(request: Incoming): Record<string, string> {
    const origin = request.header("origin")?.toLowerCase();
    if (origin === undefined) return {};
    if (this.#origins.has("*")) return { "access-control-allow-origin": "*", ...exposed };
    if (this.#origins.has(origin))
      return { "access-control-allow-origin": origin, vary: "Origin", ...exposed };
    if (isOwn(origin, request.header("host"))) return {};
    throw new HttpError(
      403,
      "pages of this origin may not call the server; it must be allowed (--cors-origin)",
      {
        code: "origin_not_allowed",
      },
    );
  }

  /** The answer to a preflight, which carries no key; `undefined` for other requests. */
  preflight(request: Incoming): Outgoing | undefined {
    if (request.method !== "OPTIONS" || request.header("access-control-request-method") === undefined)
      return undefined;
    const wanted = request.header("access-control-request-headers") ?? "";
    return {
      status: 204,
      headers: {
        "access-control-allow-methods": "GET, POST",
        // Clients send many of their own (x-stainless-*): what is asked for is allowed. The origin was checked before.
        "access-control-allow-headers": /^[\w\-, ]{1,4096}$/.test(wanted)
          ? wanted
          : "authorization, content-type",
        "access-control-max-age": preflightLasts,
      },
      body: "",
    };
  }
}

const exposed = { "access-control-expose-headers": exposedHeaders };

function isOwn(origin: string, host: string | undefined): boolean {
  return (
    host !== undefined &&
    (origin === `http://${host.toLowerCase()}` || origin === `https://${host.toLowerCase()}`)
  );
}

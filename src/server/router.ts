import type { Core } from "./core.js";
import { HttpError } from "./http-error.js";
import type { Incoming, Outgoing } from "./http.js";
import { documentation } from "./routes/documentation.js";
import { embeddings } from "./routes/embeddings.js";
import { models } from "./routes/models.js";
import type { Route, RouteContext } from "./routes/route.js";
import { similarity } from "./routes/similarity.js";
import { state } from "./routes/state.js";
import { tokenize } from "./routes/tokenize.js";

/** All paths of the server. */
export const routes: readonly Route[] = [
  ...embeddings,
  ...models,
  ...state,
  tokenize,
  similarity,
  ...documentation,
];

/** Finds the route of a request and sees to it that its method, key and body are such as the route takes. */
export class Router {
  readonly #exact = new Map(routes.map((route) => [route.path, route]));
  readonly #below = routes.filter(({ path }) => path.endsWith("/*"));

  /** @throws HttpError 404, 401, 405, 415 and what the route throws. */
  async route(request: Incoming, core: Core, context: RouteContext): Promise<Outgoing> {
    const route = this.#find(request.path);
    // Whoever has no key is not told what there is.
    if (core.apiKeys.needed && route?.isOpen?.(core) !== true) authenticate(request, core);
    if (route === undefined) {
      throw new HttpError(404, `there is no ${request.path.slice(0, 100)}`, { code: "unknown_url" });
    }
    checkMethod(request, route);
    if (route.method === "POST") checkBody(request);
    return route.handle(request, core, context);
  }

  /** The path as it stands in the list of routes; `"other"` for all that is not there. */
  knownPath(path: string): string {
    return this.#find(path)?.path ?? "other";
  }

  #find(path: string): Route | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return exact;
    return this.#below.find(
      (route) => path.startsWith(route.path.slice(0, -1)) && path.length >= route.path.length,
    );
  }
}

function authenticate(request: Incoming, core: Core): void {
  if (core.apiKeys.accepts(request.header("authorization"))) return;
  throw new HttpError(401, "a valid API key is needed: Authorization: Bearer KEY", {
    code: "invalid_api_key",
    headers: { "www-authenticate": "Bearer" },
  });
}

function checkMethod({ method, path }: Incoming, route: Route): void {
  if (method === route.method || (method === "HEAD" && route.method === "GET")) return;
  const allow = route.method === "GET" ? "GET, HEAD" : route.method;
  throw new HttpError(405, `${path} takes ${route.method}`, {
    code: "method_not_allowed",
    headers: { allow },
  });
}

/** Bodies are plain JSON: what is packed could unpack to any size. */
function checkBody(request: Incoming): void {
  const encoding = request.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new HttpError(415, "compressed bodies are not taken; send JSON without content-encoding", {
      code: "unsupported_content_encoding",
    });
  }
  const type = request.header("content-type");
  if (
    type === undefined ||
    type === "application/json" ||
    /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)
  )
    return;
  throw new HttpError(415, "the body must be JSON: content-type: application/json", {
    code: "unsupported_content_type",
  });
}

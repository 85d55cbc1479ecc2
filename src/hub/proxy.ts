import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import tls from "node:tls";

import { CandleEmbedError } from "../errors.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for `url`: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in lower case
 * first, as curl and Python read them. Node's own support for these begins with version 24, so it is not used: the same
 * variables work on every Node.
 */
export function proxyFor(url: URL, env: Environment = process.env): URL | undefined {
  const scheme = url.protocol.slice(0, -1);
  const value = variable(`${scheme}_proxy`, env) ?? variable("all_proxy", env);
  // An empty variable turns the proxy off.
  if (value === undefined || value === "" || isExempt(url, variable("no_proxy", env) ?? "")) return undefined;
  const text = value.includes("://") ? value : `http://${value}`;
  if (URL.canParse(text)) {
    const proxy = new URL(text);
    if (proxy.protocol === "http:" || proxy.protocol === "https:") return proxy;
  }
  // Without the value, which may hold a password.
  throw new CandleEmbedError(
    "INVALID_INPUT",
    `the proxy that the environment names for ${scheme} must be an http:// or https:// URL`,
  );
}

function variable(name: string, env: Environment): string | undefined {
  return env[name] ?? env[name.toUpperCase()];
}

/** `NO_PROXY`: hosts, with all that is below them, with or without a port; or `*`. */
function isExempt(url: URL, list: string): boolean {
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const host = url.hostname.toLowerCase();
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      // An IPv6 address has colons of its own; URLs and this list have it in brackets.
      const [, name = "", entryPort = port] = /^(\[.+\]|[^:]+)(?::(\d+))?$/.exec(entry) ?? [];
      const suffix = name.replace(/^\*?\./, "");
      if (name === "*") return true;
      return suffix !== "" && entryPort === port && (host === suffix || host.endsWith(`.${suffix}`));
    });
}

/** The header that tells a proxy who asks. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === "") return {};
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "Proxy-Authorization": `Basic ${Buffer.from(credentials).toString("base64")}` };
}

/** Reaches https hosts through a tunnel that an HTTP proxy opens (`CONNECT`); TLS runs inside it, end to end. */
export class TunnelAgent extends https.Agent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: https.AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  /** Gives nothing and calls back, which is how Node's agents take a connection that is there later. */
  override createConnection(
    options: http.ClientRequestArgs & tls.ConnectionOptions,
    created: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    // A failure comes without a socket, which Node's types do not say.
    const failed = created as (error: Error) => void;
    const host = options.host ?? "localhost";
    const { port } = options;
    const authority = `${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
    const request = (this.#proxy.protocol === "https:" ? https : http).request({
      method: "CONNECT",
      host: this.#proxy.hostname,
      port: this.#proxy.port || (this.#proxy.protocol === "https:" ? 443 : 80),
      path: authority,
      headers: { Host: authority, ...proxyAuthorization(this.#proxy) },
      agent: false,
      timeout: options.timeout,
    });
    request.once("connect", (response, socket, head) => {
      if (response.statusCode !== 200 || head.length > 0) {
        socket.destroy();
        failed(new Error(`the proxy ${this.#proxy.host} answered ${String(response.statusCode)}`));
        return;
      }
      created(null, tls.connect({ ...(options as tls.ConnectionOptions), socket }));
    });
    request.once("timeout", () => request.destroy(new Error(`no answer from the proxy ${this.#proxy.host}`)));
    request.once("error", (error) => {
      failed(error);
    });
    request.end();
  }
}

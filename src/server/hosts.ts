import { isIP, BlockList } from "node:net";

import { HttpError } from "./http-error.js";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether only this machine can reach an address to listen on. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const version = isIP(host);
  return version !== 0 && loopback.check(host, version === 4 ? "ipv4" : "ipv6");
}

/** A host as it stands in URLs: IPv6 in brackets. */
export function urlHost(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

/**
 * Refuses requests whose `Host` is a name that a stranger may own: the browser of a visitor would send it for a page whose
 * name was pointed at this machine. Addresses and `localhost` cannot be taken over so.
 */
export class HostCheck {
  readonly #names: ReadonlySet<string> | undefined;
  /** Most clients know a server by one name. */
  #lastAllowed: string | undefined;

  /** @param names The names allowed; `undefined`: any. */
  constructor(names: readonly string[] | undefined) {
    this.#names = names && new Set(names.map((name) => name.toLowerCase()));
  }

  /** @throws HttpError 403 */
  check(host: string | undefined): void {
    if (this.#names === undefined || (host !== undefined && host === this.#lastAllowed)) return;
    const name = hostName(host);
    if (name !== undefined && (name === "localhost" || isIP(name) !== 0 || this.#names.has(name))) {
      this.#lastAllowed = host;
      return;
    }
    throw new HttpError(
      403,
      "this server does not answer under that Host; it must be allowed (--allowed-host)",
      {
        code: "host_not_allowed",
      },
    );
  }
}

/** The name or address in a `Host` header, without port and brackets. */
function hostName(host: string | undefined): string | undefined {
  const [, bracketed, plain] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/.exec(host ?? "") ?? [];
  return (bracketed ?? plain)?.toLowerCase();
}

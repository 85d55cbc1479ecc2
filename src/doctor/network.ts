import { tmpdir } from "node:os";

import { proxyFor } from "../hub/proxy.js";
import { hubSettings, type HubOptions } from "../hub/settings.js";
import { messageOf, type Finding } from "./finding.js";

/** Where models would come from: settings only, nothing is asked over the network, and no secret is shown. */
export function checkNetwork(options: HubOptions): Finding {
  const name = "network";
  try {
    // Where models are kept is told by another finding, and so is that there is no place for them.
    const { endpoint, token, offline } = hubSettings({ ...options, cacheDir: options.cacheDir ?? tmpdir() });
    const proxy = proxyFor(new URL(endpoint));
    // Without the user's name and password.
    const proxyHost = proxy === undefined ? undefined : proxy.origin;
    const parts = [
      offline ? "offline: nothing is downloaded" : `models from ${withoutCredentials(endpoint)}`,
      token === undefined ? "no token" : "with a token",
      proxyHost === undefined ? "no proxy" : `through the proxy ${proxyHost}`,
    ];
    return {
      name,
      status: offline ? "note" : "ok",
      text: parts.join(", "),
      advice: offline ? "unset HF_HUB_OFFLINE to download models" : undefined,
      data: {
        endpoint: withoutCredentials(endpoint),
        offline,
        hasToken: token !== undefined,
        proxy: proxyHost,
      },
    };
  } catch (error) {
    const advice = "correct the variable: HF_ENDPOINT and the proxies must be http:// or https:// URLs";
    return { name, status: "problem", text: messageOf(error), advice, data: {} };
  }
}

function withoutCredentials(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname === "/" ? "" : pathname}`;
}

import { readFileSync } from "node:fs";
import path from "node:path";

import type { Outgoing } from "../http.js";
import { markup } from "./markup.js";
import { styles } from "./styles.js";

/** The modules of `client/`, as the browser asks for them. */
const modules = ["main", "api", "elements", "heat-map", "load", "plot", "prometheus"] as const;

/** Nothing from elsewhere, nothing inline, no frame around the page, and no form that leaves it. */
const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-cache",
};

/** The page's files by their path, as types and how to get them. */
const files: ReadonlyMap<string, { readonly type: string; readonly read: () => string }> = new Map([
  ["/", { type: "text/html; charset=utf-8", read: () => markup }],
  ["/page/page.css", { type: "text/css; charset=utf-8", read: () => styles }],
  ...modules.map((name) => {
    const read = (): string => readFileSync(path.join(__dirname, "client", `${name}.js`), "utf8");
    return [`/page/${name}.js`, { type: "text/javascript; charset=utf-8", read }] as const;
  }),
]);

/** The paths that {@link servePage} answers. */
export const pagePaths: readonly string[] = [...files.keys()];

/** Read once: the files are the package's own. */
const contents = new Map<string, string>();

/** The page at `/` and what it is made of, by a path of {@link pagePaths}. */
export function servePage(requestPath: string): Outgoing {
  const file = files.get(requestPath);
  if (file === undefined) throw new Error(`the page has no ${requestPath}`);
  let body = contents.get(requestPath);
  if (body === undefined) contents.set(requestPath, (body = file.read()));
  return { status: 200, headers: { "content-type": file.type, ...headers }, body };
}

// The site as `npm run docs:build` made it, in a browser: pages that stick out cannot be read on a phone.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launchChromium, noChromium } from "../native/chromium.js";
import { root } from "../native/support.js";

const site = path.join(root, "docs/.vitepress/dist");
const isBuilt = existsSync(path.join(site, "index.html"));
const missing = isBuilt ? noChromium : "(skipped: the site is not built: npm run docs:build)";

const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Answers as hosts of such sites do: an address without an ending is a page. */
function serveSite(): Promise<Server> {
  const server = createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    const file = path.join(site, path.extname(name) in types ? name : `${name}.html`);
    if (!existsSync(file)) return response.writeHead(404).end();
    return response.writeHead(200, { "content-type": types[path.extname(file)] }).end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

describe.skipIf(missing !== undefined)(`the built site, in Chromium ${missing ?? ""}`, () => {
  const pages = isBuilt
    ? readdirSync(site, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".html") && name !== "404.html")
        .map((name) => name.replaceAll("\\", "/").replace(/\.html$/, ""))
    : [];
  let browser: Browser;
  let server: Server;
  beforeAll(async () => {
    browser = await launchChromium();
    server = await serveSite();
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  it("no page scrolls sideways at 390 and 1280 px, asks elsewhere or fails", async () => {
    const address = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const page = await browser.newPage();
    const faults: string[] = [];
    let current = "";
    page.on("pageerror", (error) => faults.push(`${current}: ${error.message}`));
    page.on("response", (response) => {
      const here = response.url().startsWith(address) || response.url().startsWith("data:");
      if (!here || response.status() >= 400) faults.push(`${current}: ${response.url()}`);
    });
    for (const name of pages) {
      current = name;
      await page.setViewportSize({ width: 390, height: 900 });
      await page.goto(`${address}/${name.replace(/(^|\/)index$/, "$1")}`, { waitUntil: "load" });
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        const reached = await page.evaluate<number>("document.documentElement.scrollWidth");
        if (reached > width) faults.push(`${name}: ${String(reached)} px wide at ${String(width)}`);
      }
    }
    expect(faults).toEqual([]);
    expect(pages.length).toBeGreaterThan(30);
  }, 180_000);
});

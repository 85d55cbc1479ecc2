import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { parseMetrics, quantileBetween, total } from "../../src/server/page/client/prometheus.js";
import { launchChromium, noChromium } from "../native/chromium.js";
import { tinyModel } from "../native/support.js";
import { startServer, type StartedServer } from "./start-server.js";

const key = "key-of-the-page-test";

describe.skipIf(noChromium !== undefined)(`the page, in Chromium ${noChromium ?? ""}`, () => {
  let browser: Browser;
  let server: StartedServer;

  beforeAll(async () => {
    browser = await launchChromium();
    server = await startServer("--model", `tiny=${tinyModel}`, "--alias", "other");
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  const faults: string[] = [];
  afterEach(() => {
    expect(faults.splice(0)).toEqual([]);
  });

  /** Opens the page; what it loads from elsewhere or complains of makes the test fail. */
  async function open(
    address: string,
    width: number,
    colorScheme: "light" | "dark" = "light",
  ): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on("console", (message) => {
      // A missing key is told by the browser, too.
      if (message.type() === "error" && !message.text().includes("401")) faults.push(message.text());
    });
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== address && protocol !== "data:") faults.push(request.url());
    });
    const response = await page.goto(address);
    expect(response?.headers()["content-security-policy"]).toMatch(/^default-src 'none';(?!.*unsafe)/);
    return page;
  }

  it.each([
    [390, "light"],
    [1280, "dark"],
  ] as const)("embeds texts and shows how near they are, %s px wide, %s", async (width, scheme) => {
    const page = await open(server.url, width, scheme);
    await page.getByLabel("Texts, one a line").fill("one text\n\n  \nanother text\n<b>one text</b>");
    await page.getByLabel("Model", { exact: true }).selectOption("other");
    await page.getByRole("button", { name: "Embed" }).click();
    const table = page.getByRole("table", { name: /Cosine similarity/ });
    await table.waitFor();
    expect(await page.getByRole("status").first().textContent()).toMatch(
      /^3 texts, \d+ tokens, 32 dimensions; \d+ ms/,
    );
    const headings = await table.getByRole("rowheader").allTextContents();
    expect(headings).toEqual(["1. one text", "2. another text", "3. <b>one text</b>"]);
    const cells = (await table.getByRole("cell").allTextContents()).filter((text) => text !== "");
    expect(cells).toHaveLength(9);
    expect([cells[0], cells[4], cells[8]]).toEqual(["1.00", "1.00", "1.00"]);
    expect(cells[1]).toBe(cells[3]);

    const answer = await fetch(`${server.url}/similarity`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ input: "one text", compare_with: "another text" }),
    });
    const { scores } = (await answer.json()) as { scores: number[][] };
    expect(cells[1]).toBe((scores[0]?.[0] as number).toFixed(2));

    expect(await page.locator("#facts").textContent()).toContain("dimensions32");
    // Nothing sticks out: only the table scrolls, in itself.
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    await page.close();
  });

  it("works with the keyboard alone, and says what is wrong", async () => {
    const page = await open(server.url, 1280);
    const texts = page.getByLabel("Texts, one a line");
    await texts.fill(" \n ");
    await texts.press("Control+Enter");
    await page.getByText("Enter a text").waitFor();
    await texts.fill("a\n".repeat(50));
    await page.keyboard.press("Control+Enter");
    await page.getByText("40 texts at most").waitFor();
    await texts.fill("a");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("table").waitFor();
    const unnamed = await page.evaluate(
      `Array.from(document.querySelectorAll("input, select, textarea")).filter(({ labels }) => labels.length !== 1).length`,
    );
    expect(unnamed).toBe(0);
    await page.close();
  });

  it("draws load and latency from the server's metrics", async () => {
    const page = await open(server.url, 1280);
    await page.getByRole("button", { name: "Embed" }).click();
    await page.locator("#latency-plot path").first().waitFor({ state: "attached" });
    await page.locator("#latency-now", { hasText: /\d ms median/ }).waitFor();

    expect(await page.locator("#requests-now").textContent()).toMatch(/requests\/s/);
    await page.close();
  });

  it("asks for a key where one is needed, and keeps it in memory", async () => {
    const { url, stop } = await startServer("--model", tinyModel, "--api-key-command", `echo ${key}`);
    onTestFinished(stop);
    const page = await open(url, 390);
    await page.getByText("wants an API key").waitFor();
    const field = page.getByLabel("API key");
    await field.fill("wrong");
    await field.press("Tab");
    await page.getByText("does not know this API key").waitFor();
    await field.fill(key);
    await field.press("Tab");
    await page.locator("#facts", { hasText: "dimensions" }).waitFor();
    await page.getByRole("button", { name: "Embed" }).click();
    await page.getByRole("table").waitFor();
    const kept = await page.evaluate(
      "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])",
    );
    expect(kept).not.toContain(key);
    await page.reload();
    await page.getByText("wants an API key").waitFor();
    await page.close();
  });
});

describe("the page's reading of metrics", () => {
  const page = (counts: readonly number[]): string =>
    ["0.01", "0.1", "+Inf"]
      .map((limit, i) => `te_request_duration_bucket{model="a \\"b\\"",le="${limit}"} ${String(counts[i])}`)
      .concat(["# HELP te_x Help", 'te_x{a="1"} 2', 'te_x{a="2"} 3.5'])
      .join("\n");

  it("sums a metric over its labels", () => {
    expect(total(parseMetrics(page([0, 0, 0])), "te_x")).toBe(5.5);
    expect(total(parseMetrics(page([0, 0, 0])), "te_y")).toBe(0);
  });

  it("finds quantiles between two readings as Prometheus does", () => {
    const before = parseMetrics(page([5, 5, 5]));
    const between = (counts: readonly number[], share: number): number =>
      quantileBetween(before, parseMetrics(page(counts)), "te_request_duration", share);
    expect(between([5, 5, 5], 0.5)).toBeNaN();
    expect(between([15, 15, 15], 0.5)).toBeCloseTo(0.005);
    expect(between([10, 15, 15], 0.75)).toBeCloseTo(0.055);
    // Above the last limit there is nothing to go by.
    expect(between([5, 5, 15], 0.5)).toBeCloseTo(0.1);
  });
});

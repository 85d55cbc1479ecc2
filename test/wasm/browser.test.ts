import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";

import { cosineSimilarity, NativeBackend } from "candle-embed";
import { serve } from "../../examples/browser/serve.mjs";
import { launchChromium, noChromium } from "../native/chromium.js";

describe.skipIf(noChromium !== undefined)(`examples/browser in Chromium ${noChromium ?? ""}`, async () => {
  const requests: string[] = [];
  const server = await serve(0, ({ method, url }) => requests.push(`${String(method)} ${String(url)}`));
  const address = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  afterAll(() => server.close());

  /** What the page shows for two sentences. */
  async function similarity(page: Page, first: string, second: string): Promise<number> {
    await page.fill("#first", first);
    await page.fill("#second", second);
    const own = await NativeBackend.load();
    const [a, b] = await own.embed([first, second]);
    await own.dispose();
    const expected = cosineSimilarity(a as Float32Array, b as Float32Array);
    const shown = async (): Promise<number> => Number(await page.textContent("#similarity"));
    await expect.poll(shown, { timeout: 20_000 }).toBeCloseTo(expected, 1);
    return (await shown()) - expected;
  }

  it("compares sentences as the addon does, keeps the model, and leaves the page its thread", async () => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(error.message));
      await page.goto(address);
      await page.getByText("was ready after").waitFor({ timeout: 60_000 });
      for (const [first, second] of [
        ["A cat sits on the mat.", "A kitten is sitting on a rug."],
        ["A cat sits on the mat.", "Interest rates rose again in March."],
      ] as const) {
        expect(Math.abs(await similarity(page, first, second))).toBeLessThan(0.02);
      }
      expect(problems).toEqual([]);
      const weights = "GET /models/all-MiniLM-L6-v2/model.safetensors";
      expect(requests.filter((request) => request === weights)).toHaveLength(1);

      // Another visit: the browser has it.
      await page.reload();
      await page.getByText("was ready after").waitFor({ timeout: 60_000 });
      expect(requests.filter((request) => request === weights)).toHaveLength(1);

      // As text: Vitest rewrites the imports of functions.
      const inPage: unknown = await page.evaluate(`(async () => {
        const { WasmBackend } = await import("@candle-embed/wasm");
        const model = await WasmBackend.load("./models/all-MiniLM-L6-v2/");
        let turns = 0;
        let running = true;
        const count = () => {
          turns++;
          if (running) setTimeout(count, 1);
        };
        count();
        const { count: rows } = await model.embed(Array(20).fill("word ".repeat(100)));
        running = false;
        const refused = await WasmBackend.load("./no/such/folder/").catch(({ code }) => code);
        await model.dispose();
        return { manyTurns: turns > 20, rows, refused };
      })()`);
      expect(inPage).toEqual({ manyTurns: true, rows: 20, refused: "MODEL_NOT_FOUND" });
    } finally {
      await browser.close();
    }
  });
});

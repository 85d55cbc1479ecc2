import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const executablePath = [
  process.env["CHROMIUM"] ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((file) => file !== "" && existsSync(file));

/** Why there is no browser here. */
export const noChromium =
  executablePath === undefined ? "(skipped: no Chromium; set CHROMIUM to its path)" : undefined;

export function launchChromium(): Promise<Browser> {
  // Browsers refuse their sandbox to root.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: executablePath as string, args });
}

// Next.js in the test cache, for the test that builds and starts examples/nextjs-route. Where it cannot be had, that test
// counts as skipped with the reason.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * A folder whose node_modules has what the example asks for besides candle-embed, or why there is none.
 *
 * @returns {Promise<{ path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export async function getNext() {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const manifest = JSON.parse(await readFile(path.join(root, "examples/nextjs-route/package.json"), "utf8"));
  const dependencies = { ...manifest.dependencies };
  delete dependencies["candle-embed"];
  const target = path.join(root, ".cache", `next-${dependencies.next.replace(/[^\d.]/g, "")}`);
  if (existsSync(target)) return { path: target };
  const scratch = path.join(root, ".cache", `.partial-next-${process.pid}`);
  try {
    await mkdir(scratch, { recursive: true });
    await writeFile(path.join(scratch, "package.json"), JSON.stringify({ private: true, dependencies }));
    const args = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    await run(process.platform === "win32" ? "npm.cmd" : "npm", args, { cwd: scratch });
    await rename(scratch, target);
    return { path: target };
  } catch (error) {
    const message = String(error?.stderr || error?.message || error).replace(/\s+/g, " ");
    return { reason: `no Next.js (${message.trim().slice(0, 300)})` };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

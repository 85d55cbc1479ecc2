// Next.js in the test cache, for the test that builds and starts examples/nextjs-route. Where it cannot be had, that test
// counts as skipped with the reason.
import { readFile } from "node:fs/promises";

import { installInCache } from "./npm-cache.mjs";
import { toReason } from "./run-program.mjs";

/**
 * A folder whose node_modules has what the example asks for besides candle-embed, or why there is none.
 *
 * @returns {Promise<{ path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export async function getNext() {
  const example = new URL("../examples/nextjs-route/package.json", import.meta.url);
  const dependencies = { ...JSON.parse(await readFile(example, "utf8")).dependencies };
  delete dependencies["candle-embed"];
  try {
    return {
      path: await installInCache(`next-${dependencies.next.replace(/[^\d.]/g, "")}`, { dependencies }),
    };
  } catch (error) {
    return { reason: toReason("Next.js", error) };
  }
}

// The newest versions of libraries that want a newer Node than this repository's oldest, in the test cache, and a Node that
// runs them. Where they cannot be had, test/adapters/newest.test.ts counts as skipped with the reason.
import { getNode } from "./get-node.mjs";
import { installInCache } from "./npm-cache.mjs";
import { toReason } from "./run-program.mjs";

const NODE = "24";

const dependencies = {
  "@lancedb/lancedb": "0.39.0",
  ai: "7.0.173",
  "apache-arrow": "18.1.0",
  "gpt-tokenizer": "4.0.0",
  openai: "7.59.0",
};

/**
 * The program of that Node, and a folder whose node_modules has the libraries; or why there is none.
 *
 * @returns {Promise<{ path: string, node: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export async function getNewestLibraries() {
  const { node, reason } = await getNode(NODE);
  if (node === undefined) return { reason };
  const name = Object.entries(dependencies)
    .map(([library, version]) => `${library.split("/").at(-1)}-${version}`)
    .join("-");
  try {
    return { node, path: await installInCache(name, { dependencies }) };
  } catch (error) {
    return { reason: toReason("newest libraries", error) };
  }
}

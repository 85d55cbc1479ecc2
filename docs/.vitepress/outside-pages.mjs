import { readFileSync } from "node:fs";
import path from "node:path";

import { outside, root } from "./repository.mjs";

/**
 * The pages that lie elsewhere in the repository, as a dynamic route of one folder of the site.
 *
 * @param {string} folder `"."` for the site's root
 */
export function pagesOf(folder) {
  const pages = [...outside].filter(([address]) => path.posix.dirname(address) === folder);
  return {
    watch: pages.map(([, file]) => path.join(root, file)),
    paths: () =>
      pages.map(([address, file]) => ({
        params: { page: path.posix.basename(address) },
        content: readFileSync(path.join(root, file), "utf8"),
      })),
  };
}

import { createRequire } from "node:module";

import type * as Arrow from "apache-arrow";
import type * as Lance from "@lancedb/lancedb";

import { CandleEmbedError } from "../errors.js";

/** LanceDB, and the Arrow that it works with: it takes no other copy's objects for its own. */
export interface LanceDb {
  readonly lance: typeof Lance;
  readonly arrow: typeof Arrow;
}

/**
 * LanceDB is 150 MB and wanted by few, so that users install it themselves.
 *
 * @throws CandleEmbedError `INVALID_INPUT` that says what to install.
 */
export async function loadLanceDb(): Promise<LanceDb> {
  try {
    const lance = await import("@lancedb/lancedb");
    const requireBeside = createRequire(require.resolve("@lancedb/lancedb"));
    return { lance, arrow: requireBeside("apache-arrow") as typeof Arrow };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    throw new CandleEmbedError(
      "INVALID_INPUT",
      isMissing
        ? "an index needs LanceDB, which is not installed: npm install @lancedb/lancedb@0.30 apache-arrow@18"
        : `an index needs LanceDB, which cannot be loaded here: ${message}`,
      { cause },
    );
  }
}

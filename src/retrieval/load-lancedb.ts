import { createRequire } from "node:module";

import type * as Arrow from "apache-arrow";
import type * as Lance from "@lancedb/lancedb";

import { loadPeer } from "../utils/optional-peer.js";

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
  const lance = await loadPeer("@lancedb/lancedb", "an index", () => import("@lancedb/lancedb"));
  const arrow = await loadPeer("apache-arrow", "an index", () =>
    Promise.resolve(createRequire(require.resolve("@lancedb/lancedb"))("apache-arrow") as typeof Arrow),
  );
  return { lance, arrow };
}

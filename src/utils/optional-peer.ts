import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { CandleEmbedError } from "../errors.js";

/**
 * The packages that only some formats need: the oldest version of each that works, and the one that is tested. package.json
 * asks for any version of them: npm refuses to install beside a project's own csv-parse 4 what names a range, whether it is used
 * or not.
 */
const peers = {
  "@lancedb/lancedb": { least: "0.30", tested: "0.30" },
  // LanceDB takes none newer.
  "apache-arrow": { least: "15.0", tested: "18" },
  "csv-parse": { least: "5.0", tested: "7" },
  hyparquet: { least: "1.31", tested: "1" },
  "hyparquet-compressors": { least: "1.1", tested: "1" },
  "hyparquet-writer": { least: "0.17", tested: "0.17" },
} as const;

/** A package that users install themselves, where they need what it is for. */
export type OptionalPeer = keyof typeof peers;

/**
 * Loads one. Where it is missing or too old, the error says what to install.
 *
 * @param load `() => import("name")`: the name must stand in the code, for bundlers and for types.
 */
export async function loadPeer<Module>(
  name: OptionalPeer,
  neededFor: string,
  load: () => Promise<Module>,
): Promise<Module> {
  const needs = `${neededFor} needs the package ${name}`;
  const { least, tested } = peers[name];
  const install = `npm install ${name}@${tested}`;
  const found = installedVersion(name);
  if (found !== undefined && isOlder(found, least)) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `${needs} ${least} or newer, and this is ${found}: ${install}`,
    );
  }
  try {
    return await load();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const missing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    const message = missing
      ? `${needs}: ${install}`
      : `${needs}, which could not be loaded: ${String(cause)}`;
    throw new CandleEmbedError("INVALID_INPUT", message, { cause });
  }
}

/** Not by `require.resolve`: some export their manifest to nobody. `undefined` where there is none, as with Plug'n'Play. */
function installedVersion(name: string): string | undefined {
  const folder = require.resolve.paths(name)?.find((place) => existsSync(path.join(place, name)));
  if (folder === undefined) return undefined;
  const manifest = JSON.parse(readFileSync(path.join(folder, name, "package.json"), "utf8")) as {
    version: string;
  };
  return manifest.version;
}

function isOlder(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}

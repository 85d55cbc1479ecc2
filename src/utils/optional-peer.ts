import { CandleEmbedError } from "../errors.js";

/**
 * Loads a package that only some formats need and that users install themselves. Where it is missing, the error says what
 * to install.
 *
 * @param load `() => import("name")`: the name must stand in the code, for bundlers and for types.
 */
export async function loadPeer<Module>(
  name: string,
  neededFor: string,
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const missing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    throw new CandleEmbedError(
      "INVALID_INPUT",
      missing
        ? `${neededFor} needs the package ${name}: npm install ${name}`
        : `${neededFor} needs the package ${name}, which could not be loaded: ${String(cause)}`,
      { cause },
    );
  }
}

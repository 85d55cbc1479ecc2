import { statSync } from "node:fs";

import { addonFile } from "../native.js";
import { messageOf, type Finding } from "./finding.js";

/** The native addon: whether it loads, and from where. */
export function checkAddon(): Finding {
  const name = "addon";
  try {
    const file = addonFile();
    const bytes = file === undefined ? undefined : statSync(file).size;
    const size = bytes === undefined ? "" : `, ${(bytes / 1e6).toFixed(1)} MB`;
    return { name, status: "ok", text: `${file ?? "loaded"}${size}`, data: { file, bytes } };
  } catch (error) {
    const binding = `@candle-embed/binding-${process.platform}-${process.arch}`;
    return {
      name,
      status: "problem",
      text: messageOf(error),
      advice:
        `install the package again without --omit=optional and look whether node_modules has ${binding}*; where there is ` +
        "none for this platform, build it from a checkout: npm run build",
      data: { error: messageOf(error) },
    };
  }
}

import { statSync } from "node:fs";

import { addonFile } from "../native.js";
import { messageOf, type Finding } from "./finding.js";

/** The native addon: whether it loads, and from where. */
export function checkAddon(): Finding {
  const name = "addon";
  try {
    const file = addonFile();
    const bytes = statSync(file).size;
    return { name, status: "ok", text: `${file}, ${(bytes / 1e6).toFixed(1)} MB`, data: { file, bytes } };
  } catch (error) {
    // It says what to do as well.
    return { name, status: "problem", text: messageOf(error), data: { error: messageOf(error) } };
  }
}

import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

import { root, temporaryFolder } from "../native/support.js";

/**
 * A project that has installed candle-embed, and whatever else these folders of modules hold (by default, this
 * repository's).
 */
export function makeProject(folders: readonly string[] = [path.join(root, "node_modules")]): string {
  const project = temporaryFolder();
  const modules = path.join(project, "node_modules");
  mkdirSync(path.join(modules, ".bin"), { recursive: true });
  // Not the repository itself: with --preserve-symlinks a program would find the repository's modules through it.
  const own = path.join(modules, "candle-embed");
  mkdirSync(own);
  for (const name of readdirSync(root)) {
    if (/^(?:dist|scenarios|package\.json|index\..*|.*\.node)$/.test(name))
      symlinkSync(path.join(root, name), path.join(own, name));
  }
  const program = `#!/bin/sh\nexec "${process.execPath}" "${path.join(root, "dist/cli/main.js")}" "$@"\n`;
  writeFileSync(path.join(modules, ".bin/candle-embed"), program, { mode: 0o755 });
  for (const folder of folders) {
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(".")) symlinkSync(path.join(folder, name), path.join(modules, name));
    }
  }
  writeFileSync(path.join(project, "package.json"), '{ "name": "a-project", "type": "module" }\n');
  return project;
}

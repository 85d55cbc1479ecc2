// Programs of TypeScript in a project, compiled as its consumers do.
import path from "node:path";

import { write } from "./project.mjs";
import { run } from "./process.mjs";

/** The kinds of resolution that consumers have, with the columns of tables. */
export const resolutions = {
  nodenext: "TypeScript, NodeNext",
  bundler: "TypeScript, bundler",
};

/**
 * Type-checks and compiles a program.
 *
 * @param {import("./project.mjs").Context} context
 * @param {string} project
 * @param {keyof typeof resolutions} kind
 * @param {string} text
 * @param {{ skipLibCheck?: boolean }} [options] For libraries beside candle-embed whose declarations need others.
 * @returns {Promise<string>} The file to run, in the project.
 */
export async function compile({ tools }, project, kind, text, { skipLibCheck = false } = {}) {
  const resolution =
    kind === "nodenext" ? { module: "nodenext" } : { module: "esnext", moduleResolution: "bundler" };
  const compilerOptions = {
    ...resolution,
    target: "es2022",
    lib: ["es2023", "esnext.disposable", "dom"],
    strict: true,
    types: [],
    skipLibCheck,
  };
  write(project, `${kind}/tsconfig.json`, JSON.stringify({ compilerOptions }));
  write(project, `${kind}/program.mts`, text);
  await run(process.execPath, [path.join(tools, "typescript/bin/tsc"), "-p", kind], { cwd: project });
  return `${kind}/program.mjs`;
}

// Package managers: an install without scripts, then the README's program as ESM, as CommonJS, and as TypeScript with both
// kinds of resolution.
import { existsSync } from "node:fs";
import path from "node:path";

import { getRuntimes } from "../../scripts/get-runtimes.mjs";
import { cell } from "./cells.mjs";
import { clean, makeProject, npmInstall, runProgram, write } from "./project.mjs";
import { readme } from "./programs.mjs";
import { run } from "./process.mjs";
import { toolNode } from "./tools.mjs";
import { compile, resolutions } from "./typescript.mjs";

const columns = ["install", "ESM", "CommonJS", ...Object.values(resolutions)];

/** Compiles the README's program in the project, and runs it. */
async function typescript(context, project, kind, node) {
  const program = await compile(context, project, kind, readme);
  await runProgram(node.command, [...node.args, program], project);
}

/**
 * The managers: each installs the packages into a project.
 *
 * @param {import("./project.mjs").Context} context
 * @param {readonly string[]} packages
 * @returns {Promise<{ name: string, install: (project: string) => Promise<unknown>, types?: boolean, reason?: string,
 *   node?: { command: string, args: string[] } }[]>}
 */
export async function managers(context, packages = ["candle-embed"]) {
  const { folder, tools, registry } = context;
  const { bun, reason } = await getRuntimes();
  const node = toolNode(tools);
  const start = (program, args, env) => (project) =>
    run(program, args, { cwd: project, env: { ...clean, ...env } });
  const berry = (linker) => async (project) => {
    const settings = {
      npmRegistryServer: registry.url,
      unsafeHttpWhitelist: ["127.0.0.1"],
      nodeLinker: linker,
      enableScripts: false,
      pnpEnableEsmLoader: true,
      enableTelemetry: false,
      // A package of this minute.
      npmMinimalAgeGate: 0,
      globalFolder: path.join(folder, "berry"),
    };
    write(project, ".yarnrc.yml", JSON.stringify(settings));
    write(project, "yarn.lock", "");
    await start(node, [path.join(tools, "@yarnpkg/cli-dist/bin/yarn.js"), "add", ...packages])(project);
  };
  const classic = path.join(tools, "yarn-classic/bin/yarn.js");
  const pnpm = ["pnpm.mjs", "pnpm.cjs"].map((name) => path.join(tools, "pnpm/bin", name)).find(existsSync);
  return [
    { name: "npm", install: (project) => npmInstall(context, project, packages) },
    {
      // Whose own versions of what candle-embed can use are older or newer than those that it is tested with.
      name: "npm, beside csv-parse 4, apache-arrow 21 and chromadb 1",
      install: async (project) => {
        await npmInstall(context, project, ["csv-parse@4", "apache-arrow@21", "chromadb@1"]);
        await npmInstall(context, project, packages);
      },
    },
    {
      name: "pnpm",
      install: async (project) => {
        // A package of this minute.
        write(project, "pnpm-workspace.yaml", "minimumReleaseAge: 0\n");
        const store = ["--store-dir", path.join(folder, "pnpm-store")];
        await start(node, [pnpm, "add", "--ignore-scripts", ...store, ...packages])(project);
      },
    },
    {
      name: "yarn 1",
      install: start(node, [
        classic,
        "add",
        "--ignore-scripts",
        "--cache-folder",
        path.join(folder, "yarn"),
        ...packages,
      ]),
    },
    { name: "yarn 4, node_modules", install: berry("node-modules") },
    {
      name: "yarn 4, Plug'n'Play",
      install: berry("pnp"),
      // Resolution is Yarn's own: Node needs its hooks, and tsc its patched copy, which is made for TypeScript in the project.
      node: { command: process.execPath, args: ["--require", "./.pnp.cjs", "--loader", "./.pnp.loader.mjs"] },
      types: false,
    },
    {
      name: "bun",
      reason,
      install: start(bun, ["add", "--ignore-scripts", ...packages], {
        BUN_INSTALL_CACHE_DIR: path.join(folder, "bun-cache"),
      }),
    },
  ];
}

/** @param {import("./project.mjs").Context} context */
export async function managersSection(context) {
  const rows = [];
  for (const [index, manager] of (await managers(context)).entries()) {
    const { name, install, reason, types = true, node = { command: process.execPath, args: [] } } = manager;
    const project = makeProject(context, `manager-${index}`);
    const installed = await cell(async () => void (await install(project)), { reason });
    const missing = reason ?? (installed.state === "red" ? "not installed" : undefined);
    const unlessMissing = (task, more) => cell(task, { reason: missing ?? more });
    const noTypes = types ? undefined : "needs Yarn's patched TypeScript in the project";
    rows.push({
      name,
      cells: [
        installed,
        await unlessMissing(() => runProgram(node.command, [...node.args, "program.mjs"], project)),
        await unlessMissing(() => runProgram(node.command, [...node.args, "program.cjs"], project)),
        await unlessMissing(() => typescript(context, project, "nodenext", node), noTypes),
        await unlessMissing(() => typescript(context, project, "bundler", node), noTypes),
      ],
    });
  }
  return {
    title: "Package managers",
    note: `Installed with scripts off, run in Node ${process.versions.node}.`,
    columns,
    rows,
  };
}

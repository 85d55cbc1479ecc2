// What runs the package once it is installed: Nodes, Bun, Deno; native and as WebAssembly.
import path from "node:path";

import { getRuntimes } from "../../scripts/get-runtimes.mjs";
import { cell } from "./cells.mjs";
import { clean, makeProject, npmInstall, runProgram } from "./project.mjs";
import { nodeProgram } from "./tools.mjs";
import { run } from "./process.mjs";

const columns = ["ESM", "CommonJS", "WebAssembly"];

/** @param {import("./project.mjs").Context} context */
export async function runtimesSection(context) {
  const { folder, tools, registry, packed } = context;
  const project = makeProject(context, "runtimes", { type: "module" });
  await npmInstall(context, project, ["candle-embed", "@candle-embed/wasm"]);
  const { bun, deno, reason } = await getRuntimes();
  const noWasm = packed.find(({ kind }) => kind === "wasm").binary
    ? undefined
    : "not built (npm run build:wasm)";
  const allowed = ["--allow-read", "--allow-env", "--allow-ffi", "--allow-sys"];
  const runtimes = [
    ...[20, 22, 24].map((major) => ({ name: `Node ${major}`, command: nodeProgram(tools, major), args: [] })),
    { name: "Bun", command: bun, args: ["run"], reason },
    {
      name: "Deno",
      command: deno,
      args: ["run", "--no-lock", "--node-modules-dir=manual", ...allowed],
      reason,
    },
  ];
  const rows = [];
  for (const { name, command, args, reason: missing } of runtimes) {
    const of = (program, more) =>
      cell(() => runProgram(command, [...args, program], project), { reason: missing ?? more });
    const version =
      missing === undefined ? (await run(command, ["--version"])).match(/\d+\.\d+\.\d+/)?.[0] : "";
    rows.push({
      name: name.startsWith("Node") ? `Node ${version}` : `${name} ${version}`,
      cells: [await of("program.mjs"), await of("program.cjs"), await of("wasm.mjs", noWasm)],
    });
  }

  // Deno as the package manager too: its own node_modules, from its own reading of the package.
  const own = makeProject(context, "deno-install", { dependencies: { "candle-embed": "latest" } });
  const env = { ...clean, DENO_DIR: path.join(folder, "deno"), NPM_CONFIG_REGISTRY: registry.url };
  const withDeno = async (program) => {
    await run(deno, ["install", "--node-modules-dir=auto", "--minimum-dependency-age=0"], { cwd: own, env });
    await runProgram(deno, ["run", "--node-modules-dir=auto", ...allowed, program], own, env);
  };
  rows.push({
    name: "Deno, installed by Deno",
    cells: [
      await cell(() => withDeno("program.mjs"), { reason }),
      await cell(() => withDeno("program.cjs"), { reason }),
      { state: "named", text: "as above" },
    ],
  });
  return { title: "Runtimes", note: "Installed by npm where nothing else is said.", columns, rows };
}

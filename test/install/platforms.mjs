// Machines without an addon: the package installs, and one error names the platform and what to do.
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { cell } from "./cells.mjs";
import { makeProject, npmInstall, write } from "./project.mjs";
import { loadFails } from "./programs.mjs";
import { run } from "./process.mjs";

const cases = [
  {
    name: "installed with --omit=optional",
    options: ["--omit=optional"],
    said: /^DEVICE_UNAVAILABLE: candle-embed has no addon for .*its package @candle-embed\/binding-\S+ is not installed\. .*optional dependencies/,
  },
  {
    name: "node_modules of another platform (npm install --os=win32 --cpu=arm64)",
    options: ["--os=win32", "--cpu=arm64"],
    said: /^DEVICE_UNAVAILABLE: .*is not installed\. .*not from a node_modules of another/,
  },
  {
    name: "a CPU that nothing is built for (linux-riscv64)",
    options: ["--omit=optional"],
    // What Node says of itself there.
    args: ["--import", "./as-riscv64.mjs"],
    said: /^DEVICE_UNAVAILABLE: candle-embed has no addon for linux-riscv64.*none is built for it\. Use WebAssembly.*@candle-embed\/wasm/,
  },
  {
    name: "a file that the system refuses to load",
    options: [],
    prepare: (project) => {
      const packages = path.join(project, "node_modules/@candle-embed");
      const addons = readdirSync(packages, { recursive: true }).filter((file) => file.endsWith(".node"));
      for (const file of addons) writeFileSync(path.join(packages, file), "no library");
    },
    said: /^DEVICE_UNAVAILABLE: this system refuses to load candle-embed's addon for \S+.*: .*If the file is damaged, install again/,
  },
];

/** @param {import("./project.mjs").Context} context */
export async function platformsSection(context) {
  const rows = [];
  for (const [index, { name, options, args = [], prepare, said }] of cases.entries()) {
    const project = makeProject(context, `platform-${index}`);
    const task = async () => {
      await npmInstall(context, project, ["candle-embed"], options);
      prepare?.(project);
      write(project, "load.mjs", loadFails);
      write(
        project,
        "as-riscv64.mjs",
        `for (const [name, value] of Object.entries({ platform: "linux", arch: "riscv64" }))
          Object.defineProperty(process, name, { value });`,
      );
      const output = await run(process.execPath, [...args, "load.mjs"], { cwd: project });
      if (!said.test(output)) throw new Error(`it said: ${output}`);
      // Everything that needs no addon works: the command line, here its list of models.
      const cli = path.join(project, "node_modules/candle-embed/dist/cli/main.js");
      await run(process.execPath, [...args, cli, "models"], { cwd: project });
    };
    rows.push({ name, cells: [await cell(task)] });
  }
  const note =
    "`NativeBackend.load` rejects with one error that names the platform and what to do; the command line still starts.";
  return { title: "No addon", note, columns: ["clear error"], rows };
}

// The packages for GPUs, beside candle-embed: whether it finds them where a package manager put them. There is no GPU here, so
// what is looked for at first is shown to it, and the package is tried; where it was not built, what is tried is empty.
import { accelerators } from "../../scripts/release/packages.mjs";
import { cell } from "./cells.mjs";
import { managers } from "./managers.mjs";
import { clean, makeProject, write } from "./project.mjs";
import { run } from "./process.mjs";

const load = `
import { NativeBackend } from "candle-embed";
await NativeBackend.load(undefined, { device: "cuda" }).then(
  ({ device }) => console.log("works: " + device),
  ({ code, message }) => console.log(code + ": " + message),
);
// And without a word of devices: the CPU.
const backend = await NativeBackend.load();
console.log((await backend.embed("a text")).count, backend.device);
await backend.dispose();
`;

const withDriver = `
const fs = require("node:fs");
const { existsSync } = fs;
fs.existsSync = (file) => file === "/dev/nvidiactl" || existsSync(file);
`;

/** Where the package was found, it has been tried, with whatever came of it. */
const tried = /^(?:works: cuda:0|DEVICE_UNAVAILABLE: device "cuda" cannot be used: (?!the package))/;

/** @param {import("./project.mjs").Context} context */
export async function acceleratorsSection(context) {
  const names = accelerators.map((name) => `@candle-embed/${name}`);
  const isBuilt = context.packed.filter(({ name }) => names.includes(name)).every(({ binary }) => binary);
  const isHere = process.platform === "linux" && process.arch === "x64";
  const rows = [];
  for (const [index, manager] of (await managers(context, ["candle-embed", ...names])).entries()) {
    const { name, install, reason, node = { command: process.execPath, args: [] } } = manager;
    const project = makeProject(context, `accelerator-${index}`);
    const task = async () => {
      await install(project);
      write(project, "load.mjs", load);
      write(project, "with-driver.cjs", withDriver);
      const args = ["--require", "./with-driver.cjs", ...node.args, "load.mjs"];
      const lines = (await run(node.command, args, { cwd: project, env: clean })).trim().split("\n");
      // The first is an error's, which Yarn's Plug'n'Play tells in several.
      const [answer, onCpu] = [lines[0], lines.at(-1)];
      if (!tried.test(answer)) throw new Error(`it said: ${answer}`);
      if (onCpu !== "1 cpu") throw new Error(`without a device: ${onCpu}`);
      return isBuilt ? "" : "(an empty package: not built here)";
    };
    rows.push({
      name,
      cells: [await cell(task, { reason: reason ?? (isHere ? undefined : "for Linux x64") })],
    });
  }
  return {
    title: "Packages for GPUs",
    note: `${names.join(", ")} installed beside candle-embed, on a machine without a GPU.`,
    columns: ["found and tried"],
    rows,
  };
}

// What an install and a start cost.
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";

import { cell } from "./cells.mjs";
import { makeProject, npmInstall, write } from "./project.mjs";

const first = `
import { NativeBackend } from "candle-embed";
const model = await NativeBackend.load();
await model.embedQuery("a text");
process.stdout.write("vector");
setInterval(() => {}, 1000);
`;

/** Everything below a folder: bytes, and the manifests of packages with a script that an install would run. */
function look(folder) {
  let bytes = 0;
  const scripts = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    bytes += statSync(file).size;
    if (entry.name !== "package.json" || !/node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+$/.test(entry.parentPath))
      continue;
    const { name, scripts: own = {} } = JSON.parse(readFileSync(file, "utf8"));
    if (["preinstall", "install", "postinstall", "prepare"].some((script) => script in own))
      scripts.push(name);
  }
  return { bytes, scripts };
}

/** Milliseconds from the start of a process to its first vector. */
function timeToFirstVector(project) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    // A hub that nobody answers at: it must not be asked.
    const env = {
      ...process.env,
      HF_ENDPOINT: "http://127.0.0.1:9",
      HF_HUB_CACHE: path.join(project, "no-cache"),
    };
    const child = spawn(process.execPath, ["first.mjs"], {
      cwd: project,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.once("data", () => {
      resolve(performance.now() - begin);
      child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("exit", (code) => code !== null && reject(new Error(`it ended with ${code}`)));
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** A measure that has to stay below its limit. */
async function below(limit, unit, digits, measure) {
  const value = await measure();
  const text = `${value.toFixed(digits)} ${unit} (below ${limit})`;
  if (!(value < limit)) throw new Error(text);
  return text;
}

/** @param {import("./project.mjs").Context} context */
export async function measuresSection(context) {
  const project = makeProject(context, "measures");
  const install = async () => {
    const times = [];
    for (let run = 0; run < 3; run++) {
      rmSync(path.join(project, "node_modules"), { recursive: true, force: true });
      rmSync(path.join(project, "package-lock.json"), { force: true });
      const cacheFolder = path.join(context.folder, `cold-${run}`);
      mkdirSync(cacheFolder, { recursive: true });
      const begin = performance.now();
      await npmInstall({ ...context, folder: cacheFolder }, project, ["candle-embed"]);
      times.push((performance.now() - begin) / 1000);
    }
    return median(times);
  };
  const rows = [];
  const row = async (name, task) => rows.push({ name, cells: [await cell(task)] });
  await row("npm install candle-embed, empty cache, median of 3", () => below(15, "s", 1, install));
  const { bytes, scripts } = look(path.join(project, "node_modules"));
  await row("unpacked size of everything installed, the model included", () =>
    below(40, "MB", 1, async () => bytes / 1e6),
  );
  await row("packages with install scripts", async () => {
    if (scripts.length > 0) throw new Error(scripts.join(", "));
    return "0";
  });
  write(project, "first.mjs", first);
  await row("start of the process to the first vector, no network, median of 15", () =>
    below(200, "ms", 0, async () => {
      const times = [];
      for (let run = 0; run < 15; run++) times.push(await timeToFirstVector(project));
      return median(times);
    }),
  );
  const note =
    "From a registry on the same machine. The times depend on it; they are taken with nothing else running.";
  return { title: "Measures", note, columns: ["measured"], rows };
}

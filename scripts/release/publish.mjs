// Publishes the packages that pack.mjs made, those that the registry has not yet.
//
//   node scripts/release/publish.mjs FOLDER [--dry-run] [-- NPM-OPTION...]
//
// May be run again after a failure: what is published stays, and must be of the same bytes.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

/**
 * @param {string} folder
 * @param {{ dryRun?: boolean, options?: string[], cwd?: string, log?: (line: string) => void }} [options]
 *   options: further options of npm, for example a registry.
 * @returns {{ name: string, published: boolean }[]}
 */
export function publishAll(folder, { dryRun = false, options = [], cwd, log = console.log } = {}) {
  const list = JSON.parse(readFileSync(path.join(folder, "packages.json"), "utf8"));
  for (const { tarball, sha256 } of list) {
    const got = createHash("sha256")
      .update(readFileSync(path.join(folder, tarball)))
      .digest("hex");
    if (got !== sha256) throw new Error(`${tarball} is not what was packed`);
  }
  return list.map(({ name, version, tarball }) => {
    const file = path.join(folder, tarball);
    const there = integrityOf(`${name}@${version}`, options, cwd);
    if (there !== undefined) {
      const sha512 = createHash("sha512").update(readFileSync(file)).digest("base64");
      if (there !== `sha512-${sha512}`) {
        throw new Error(
          `${name}@${version} is published with other bytes (${there}): a version cannot be published twice`,
        );
      }
      log(`- ${name}@${version}: is there`);
      return { name, published: false };
    }
    // A prerelease must not become what "npm install candle-embed" takes.
    const tag = version.includes("-") ? "next" : "latest";
    const args = [
      "publish",
      path.resolve(file),
      "--access",
      "public",
      "--tag",
      tag,
      "--ignore-scripts",
      ...options,
    ];
    const { status, stderr } = npm(dryRun ? [...args, "--dry-run"] : args, cwd);
    if (status !== 0) throw new Error(`${name}@${version}: npm publish failed\n${stderr}`);
    log(`- ${name}@${version}: ${dryRun ? "would be published" : "published"}`);
    return { name, published: !dryRun };
  });
}

/** The hash of a published version; undefined where the registry has none. */
function integrityOf(spec, options, cwd) {
  const { status, stdout, stderr } = npm(["view", spec, "dist.integrity", "--json", ...options], cwd);
  if (status === 0) return stdout.trim() === "" ? undefined : String(JSON.parse(stdout));
  if (/E404|is not in this registry|No match found/.test(stdout + stderr)) return undefined;
  throw new Error(`npm view ${spec} failed\n${stderr}`);
}

function npm(args, cwd) {
  const file = process.env.npm_execpath;
  const [command, ...first] = file?.endsWith(".js") ? [process.execPath, file] : ["npm"];
  const shell = command === "npm" && process.platform === "win32";
  const { error, ...result } = spawnSync(command, [...first, ...args], { cwd, encoding: "utf8", shell });
  if (error !== undefined) throw error;
  return result;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const end = process.argv.indexOf("--");
  const [own, options] =
    end === -1 ? [process.argv.slice(2), []] : [process.argv.slice(2, end), process.argv.slice(end + 1)];
  const [folder] = own.filter((argument) => argument !== "--dry-run");
  if (folder === undefined) {
    console.error("usage: node scripts/release/publish.mjs FOLDER [--dry-run] [-- NPM-OPTION...]");
    process.exit(2);
  }
  publishAll(folder, { dryRun: own.includes("--dry-run"), options });
}

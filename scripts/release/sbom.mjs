// The software bill of materials of a release (CycloneDX 1.6, JSON): the npm packages and every crate linked into them.
//
//   node scripts/release/sbom.mjs FILE
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { besideCrates, linkedCrates } from "./crates.mjs";
import { accelerators, platforms, root } from "./packages.mjs";

/**
 * @typedef {object} Component
 * @property {string} name
 * @property {string} version
 * @property {string} purl
 * @property {{ alg: string, content: string }[]} hashes Of a crate: of its archive. Of a package: none, npm signs those.
 */

/**
 * The bill as an object. It holds no time and no random number: the same sources give the same bytes.
 *
 * @returns {{ components: Component[] } & Record<string, unknown>}
 */
export function makeSbom() {
  const { name, version, license, dependencies } = JSON.parse(
    readFileSync(path.join(root, "package.json"), "utf8"),
  );
  const ref = `pkg:npm/${name}@${version}`;
  const scoped = (package_) => package_.replace("@", "%40");
  const npm = (package_, of, expression) => ({
    type: "library",
    "bom-ref": `pkg:npm/${scoped(package_)}@${of}`,
    name: package_,
    version: of,
    hashes: [],
    licenses: [{ expression }],
    purl: `pkg:npm/${scoped(package_)}@${of}`,
  });
  const model = "@candle-embed/all-minilm-l6-v2";
  const packages = [
    npm(model, dependencies[model], "Apache-2.0"),
    npm("@candle-embed/wasm", version, license),
    ...platforms().map((platform) => npm(`@candle-embed/binding-${platform}`, version, license)),
    ...accelerators.map((accelerator) => npm(`@candle-embed/${accelerator}`, version, license)),
  ];
  const sums = checksums();
  const crates = linkedCrates().map((crate) => {
    const purl = `pkg:cargo/${crate.name}@${crate.version}`;
    const sum = sums.get(`${crate.name} ${crate.version}`);
    return {
      type: "library",
      "bom-ref": purl,
      name: crate.name,
      version: crate.version,
      hashes: sum === undefined ? [] : [{ alg: "SHA-256", content: sum }],
      licenses: [{ expression: crate.license.replaceAll("/", " OR ") }],
      purl,
      ...(crate.repository === null ? {} : { externalReferences: [{ type: "vcs", url: crate.repository }] }),
    };
  });
  const beside = besideCrates.map(({ name: library, version: of, license: expression, repository }) => {
    const purl = `pkg:github/${new URL(repository).pathname.slice(1)}@${of}`;
    return {
      type: "library",
      "bom-ref": purl,
      name: library,
      version: of,
      hashes: [],
      licenses: [{ expression }],
      purl,
      externalReferences: [{ type: "vcs", url: repository }],
    };
  });
  const content = [...packages, ...crates, ...beside];
  const refs = (components) => components.map((component) => component["bom-ref"]);
  const linking = packages.filter((entry) => entry.name !== model);
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    // Without it GitHub's attest action takes a file for no bill at all, though the format leaves it to choose.
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([ref, content]))}`,
    version: 1,
    metadata: { component: { ...npm(name, version, license), type: "library" } },
    components: content,
    dependencies: [
      { ref, dependsOn: refs(packages) },
      ...linking.map((entry) => {
        const isCuda = accelerators.some((accelerator) => entry.name === `@candle-embed/${accelerator}`);
        return { ref: entry["bom-ref"], dependsOn: refs(isCuda ? [...crates, ...beside] : crates) };
      }),
    ],
  };
}

/** A UUID from the SHA-256 of a text (RFC 9562, version 8). */
function uuidOf(text) {
  const hash = createHash("sha256").update(text).digest();
  hash[6] = (hash[6] & 0x0f) | 0x80;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  return hash.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The SHA-256 of every crate's archive, as Cargo.lock pins it. */
function checksums() {
  const lock = readFileSync(path.join(root, "Cargo.lock"), "utf8");
  const entries = lock.matchAll(/name = "(.*)"\nversion = "(.*)"\nsource = .*\nchecksum = "(.*)"/g);
  return new Map([...entries].map(([, name, version, sum]) => [`${name} ${version}`, sum]));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const target = process.argv[2];
  if (target === undefined) {
    console.error("usage: node scripts/release/sbom.mjs FILE");
    process.exit(2);
  }
  const bill = makeSbom();
  writeFileSync(target, `${JSON.stringify(bill, null, 2)}\n`);
  console.log(`- ${target}: ${bill.components.length} components`);
}

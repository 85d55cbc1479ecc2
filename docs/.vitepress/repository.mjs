import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** The repository: pages of the site may be anywhere in it. */
export const root = path.resolve(import.meta.dirname, "../..");

const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/** What the benchmarks found, a page without VitePress: the site has a copy. */
export const report = { file: `benches/record/${version}/report.html`, address: "/report.html" };

const examples = readdirSync(path.join(root, "examples")).filter((name) =>
  existsSync(path.join(root, "examples", name, "README.md")),
);

/**
 * The pages that lie outside of docs/, by the address they have on the site.
 *
 * @type {Map<string, string>}
 */
export const outside = new Map([
  ["architecture", "ARCHITECTURE.md"],
  ["benchmarks", "benches/METHODOLOGY.md"],
  ["changelog", "CHANGELOG.md"],
  ["contributing", "CONTRIBUTING.md"],
  ["security", "SECURITY.md"],
  ["wasm", "npm/wasm/README.md"],
  ...examples.map((name) => [`examples/${name}`, `examples/${name}/README.md`]),
]);

/** Where a file or folder of the repository is on the site; `undefined` where it is no page. */
function addressOf(file) {
  if (file === "README.md") return "/";
  if (file === report.file) return report.address;
  const found = [...outside].find(([, name]) => name === file || name === `${file}/README.md`);
  if (found !== undefined) return `/${found[0]}`;
  const name = /^docs\/([\w/-]+)\.md$/.exec(file)?.[1];
  return name === undefined ? undefined : `/${name}`;
}

/**
 * What a link of a page becomes on the site. Pages link to each other as files, so that links work in a checkout too.
 *
 * @param {string} page for example `server.md`
 * @param {string} link
 * @returns {string | undefined} an address; `undefined` where the link is to a file that the site does not have
 */
export function siteLink(page, link) {
  if (/^(?:[a-z]+:|#|\/)/.test(link)) return link;
  const [name, anchor] = link.split("#");
  const own = outside.get(page.replace(/\.md$/, "")) ?? `docs/${page}`;
  const file = path.posix.join(path.posix.dirname(own), decodeURIComponent(name)).replace(/\/$/, "");
  const address = addressOf(file);
  if (address !== undefined) return anchor === undefined ? address : `${address}#${anchor}`;
  if (!existsSync(path.join(root, file))) throw new Error(`${own} links to ${link}, which does not exist`);
  return undefined;
}

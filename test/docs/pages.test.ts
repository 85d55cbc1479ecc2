import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { errorCodes } from "candle-embed";
import { commands } from "../../src/cli/command-list.js";
import { root } from "../native/support.js";
import { pages } from "./support.js";

const read = (page: string): string => readFileSync(path.join(root, page), "utf8");

/** A heading's anchor, as GitHub and the site make it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, "")
    .trim()
    .replace(/\s+/g, "-");

const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));

const allPages = [
  ...pages,
  ...["AGENTS.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...["benches/METHODOLOGY.md", "test/fixtures/README.md"],
];

describe("what the pages link to and name is there", () => {
  it.each(allPages)("%s", (page) => {
    const named =
      /`((?:src|crates|scripts|test|models|docs|benches|examples)\/[\w./-]+)`|\]\((?!\w+:)([^)\s]+)\)/g;
    for (const [, quoted, link = ""] of read(page).matchAll(named)) {
      // The site's home page links to addresses.
      if (quoted === undefined && link.startsWith("/")) continue;
      const [name = "", anchor] = link.split("#");
      const base = quoted === undefined ? path.dirname(path.join(root, page)) : root;
      const file = quoted ?? (name === "" ? path.basename(page) : name);
      expect(existsSync(path.join(base, file)), `${file} of ${page}`).toBe(true);
      if (anchor === undefined) continue;
      expect(anchorsOf(path.relative(root, path.join(base, file))), `#${anchor} of ${page}`).toContain(
        anchor,
      );
    }
  });
});

describe("commands that the pages show have the options that are shown", () => {
  it.each(pages)("%s", async (page) => {
    for (const [line, name = ""] of read(page).matchAll(
      /^(?: {4}|(?<=```sh[^\n]*\n))candle-embed ([a-z]+)\b.*$/gm,
    )) {
      const command = await commands.get(name)?.load();
      expect(command, line).toBeDefined();
      // Other programs may stand behind a pipe, other files behind --, notes behind #.
      const own = line.split(/\s(?:\||#|--)(?:\s|$)/)[0] ?? "";
      for (const [, option = ""] of own.matchAll(/\s--([a-z][a-z-]*)/g)) {
        expect(Object.keys({ ...command?.options, help: {} }), line).toContain(option);
      }
    }
  });
});

describe("every error code has its entry in docs/troubleshooting.md", () => {
  const text = read("docs/troubleshooting.md");
  it.each(errorCodes)("%s", (code) => {
    const entry = new RegExp(`^### ${code}\n(.*?)(?=^##|$(?![^]))`, "ms").exec(text)?.[1];
    expect(entry).toMatch(/\*\*Cause\.\*\* \S[^]+\*\*What to do\.\*\* \S/);
  });
  it("and no entry is of a code that does not exist", () => {
    const entries = [...text.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    expect(new Set(entries)).toEqual(new Set(errorCodes));
  });
});

describe("every example says what it is, and is run by a test", () => {
  const tests = readdirSync(path.join(root, "test"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(path.join(root, "test", name), "utf8"));
  it.each(readdirSync(path.join(root, "examples")))("%s", (name) => {
    expect(pages).toContain(`examples/${name}/README.md`);
    const used = new RegExp(`["/]${name}["/]`);
    expect(tests.some((text) => used.test(text))).toBe(true);
  });
});

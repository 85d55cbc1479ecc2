import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";

import { getNext } from "../../scripts/get-next.mjs";
import { finished, root } from "../native/support.js";
import { freePort } from "./support.js";

const { path: next, reason } = await getNext();

/** The example as it stands in a project that npm has installed. */
function makeProject(cache: string): string {
  const project = path.join(cache, "project");
  rmSync(project, { recursive: true, force: true });
  cpSync(path.join(root, "examples/nextjs-route"), project, { recursive: true });
  cpSync(path.join(cache, "package-lock.json"), path.join(project, "package-lock.json"));
  cpSync(path.join(cache, "node_modules"), path.join(project, "node_modules"), { recursive: true });
  const own = path.join(project, "node_modules/candle-embed");
  mkdirSync(own);
  const addons = readdirSync(root).filter((name) => name.endsWith(".node"));
  for (const name of ["package.json", "dist", ...addons]) {
    cpSync(path.join(root, name), path.join(own, name), { recursive: true });
  }
  cpSync(
    path.join(root, "models/all-MiniLM-L6-v2"),
    path.join(project, "node_modules/@candle-embed/all-minilm-l6-v2"),
    { recursive: true },
  );
  return project;
}

describe.skipIf(next === undefined)(
  `nextjs-route${next === undefined ? ` (skipped: ${reason})` : ""}`,
  () => {
    let started: ChildProcess | undefined;
    afterAll(() => started?.kill("SIGKILL"));

    it("builds, and answers from the model in its process", async () => {
      const project = makeProject(next as string);
      const run = (...args: string[]): ChildProcess =>
        spawn(process.execPath, ["node_modules/next/dist/bin/next", ...args], {
          cwd: project,
          env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
          stdio: ["ignore", "pipe", "pipe"],
        });
      const built = await finished(run("build"));
      expect(built, built.stderr + built.stdout).toMatchObject({ code: 0 });

      const port = await freePort();
      started = run("start", "--hostname", "127.0.0.1", "--port", port);
      const url = `http://127.0.0.1:${port}/api/search`;
      await vi.waitUntil(
        () =>
          fetch(url).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000, interval: 100 },
      );
      expect((await fetch(url)).status).toBe(400);
      const answer = await fetch(`${url}?q=${encodeURIComponent("how long does delivery take?")}`);
      expect(await answer.json()).toMatchObject({ passage: "Shipping takes three days." });
    }, 180_000);
  },
);

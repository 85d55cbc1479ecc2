import { execFileSync, spawn, type SpawnOptions } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";

import { finished, temporaryFolder } from "../native/support.js";
import { freePort, runExample } from "./support.js";

/** What a program prints, or nothing where there is none. */
function ask(program: string, ...args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

const programs = ask("pg_config", "--bindir");
const shared = ask("pg_config", "--sharedir");
const hasVector = shared !== undefined && existsSync(path.join(shared, "extension/vector.control"));
// PostgreSQL refuses to run as root.
const isRoot = process.getuid?.() === 0;
const user = isRoot ? ask("id", "-u", "postgres") : "";
const missing =
  programs === undefined || !existsSync(path.join(programs, "initdb"))
    ? "no PostgreSQL: pg_config finds no server"
    : !hasVector
      ? "its PostgreSQL has no pgvector"
      : user === undefined
        ? "root, and there is no user postgres to run it as"
        : undefined;

/** Starts a PostgreSQL of this test's own; the variables by which clients find it. */
async function startPostgres(): Promise<Record<string, string>> {
  const folder = mkdtempSync(path.join(tmpdir(), "candle-embed-postgres-"));
  const options: SpawnOptions = { stdio: "ignore", cwd: folder };
  if (isRoot) {
    options.uid = Number(user);
    options.gid = Number(ask("id", "-g", "postgres"));
    chownSync(folder, options.uid, options.gid);
  }
  const data = path.join(folder, "data");
  const start = (name: string, ...args: string[]) => spawn(path.join(programs ?? "", name), args, options);
  const made = await finished(start("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"));
  expect(made.code).toBe(0);
  const port = await freePort();
  const server = start("postgres", "-D", data, "-h", "127.0.0.1", "-p", port, "-k", folder, "-F");
  onTestFinished(async () => {
    const ended = finished(server);
    server.kill("SIGINT");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const env = { PGHOST: "127.0.0.1", PGPORT: port, PGUSER: "postgres", PGDATABASE: "postgres" };
  while (ask(path.join(programs ?? "", "pg_isready"), "-q", "-h", env.PGHOST, "-p", port) === undefined) {
    expect(server.exitCode).toBeNull();
    await sleep(50);
  }
  return env;
}

describe.skipIf(missing !== undefined)(
  `pgvector on a real PostgreSQL${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    it("stores passages once, finds them by meaning, and refuses another model's table", async () => {
      const env = await startPostgres();
      const file = path.join(temporaryFolder(), "passages.txt");
      const fillers = Array.from(
        { length: 1100 },
        (_, i) => `Shelf ${String(i)} holds screws of size ${String(i % 40)}.`,
      );
      writeFileSync(
        file,
        ["Shipping takes three days.", 'It\'s "quoted", {braced} and \\slashed.', ...fillers].join("\n"),
      );
      for (let time = 0; time < 2; time++) {
        const stored = await runExample("pgvector/store.mjs", [file], env);
        expect(stored).toMatchObject({ code: 0, stdout: "1102 passages\n" });
      }
      const found = await runExample("pgvector/search.mjs", ["how long does delivery take"], env);
      expect(found).toMatchObject({ code: 0 });
      expect(found.stdout).toMatch(/^0\.[567]\d Shipping takes three days\.\n/);

      const spoil = ["-c", "COMMENT ON TABLE passages IS 'another space'"];
      execFileSync(path.join(programs ?? "", "psql"), spoil, { env: { ...process.env, ...env } });
      const refused = await runExample("pgvector/search.mjs", ["how long does delivery take"], env);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("SPACE_MISMATCH") as string });
    });
  },
);

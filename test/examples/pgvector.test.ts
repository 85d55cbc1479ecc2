import { execFileSync, spawn, type ExecFileSyncOptions } from "node:child_process";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";

import { getPostgres } from "../../scripts/get-postgres.mjs";
import { finished, temporaryFolder } from "../native/support.js";
import { freePort, runExample } from "./support.js";

/** What a program prints, or nothing where it fails. */
function ask(
  program: string,
  args: readonly string[],
  options: ExecFileSyncOptions = {},
): string | undefined {
  try {
    return String(execFileSync(program, args, { stdio: ["ignore", "pipe", "ignore"], ...options })).trim();
  } catch {
    return undefined;
  }
}

const { path: programs = "", reason } = await getPostgres();

/** PostgreSQL refuses to run as root. Its own user is there with Debian's package, the other one on every Linux. */
function otherUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const name = ask("id", ["-u", "postgres"]) === undefined ? "nobody" : "postgres";
  return { uid: Number(ask("id", ["-u", name])), gid: Number(ask("id", ["-g", name])) };
}
const user = otherUser();
const canRun = ask(path.join(programs, "postgres"), ["--version"], user) !== undefined;
const missing = reason ?? (canRun ? undefined : "the user that runs PostgreSQL cannot get at its programs");

/** Starts a PostgreSQL of this test's own; the variables by which clients find it. */
async function startPostgres(): Promise<Record<string, string>> {
  const folder = mkdtempSync(path.join(tmpdir(), "candle-embed-postgres-"));
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = path.join(folder, "data");
  const start = (name: string, ...args: string[]) =>
    spawn(path.join(programs, name), args, { ...user, stdio: "ignore", cwd: folder });
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
  while (ask(path.join(programs, "pg_isready"), ["-q", "-h", env.PGHOST, "-p", port]) === undefined) {
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
      execFileSync(path.join(programs, "psql"), spoil, { env: { ...process.env, ...env } });
      const refused = await runExample("pgvector/search.mjs", ["how long does delivery take"], env);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("SPACE_MISMATCH") as string });
    });
  },
);

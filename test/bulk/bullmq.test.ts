import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it, vi } from "vitest";

import { getRedis } from "../../scripts/get-redis.mjs";
import { finished, root } from "../native/support.js";
import { corpus, tinyModel, Workplace } from "./support.js";

const place = new Workplace();
const redis = await getRedis();
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) killGroup(child);
});

/** A worker's own process and the command it started end together, as they do with their machine. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // gone already
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startRedis(program: string): Promise<string> {
  const port = await freePort();
  const options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", place.folder];
  started.push(spawn(program, ["--port", String(port), ...options], { stdio: "ignore", detached: true }));
  const answers = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => {
        resolve(false);
      });
    });
  while (!(await answers())) await sleep(50);
  return `redis://127.0.0.1:${String(port)}`;
}

it.skipIf(redis.path === undefined)(
  `workers share a corpus, also when one of them is killed${redis.reason === undefined ? "" : ` (skipped: ${redis.reason})`}`,
  async () => {
    const url = await startRedis(redis.path as string);
    const run = (program: string, ...args: string[]): ChildProcess => {
      const child = spawn(process.execPath, [path.join("examples/bullmq-worker", program), ...args], {
        cwd: root,
        env: { ...process.env, REDIS_URL: url, LOCK_MS: "1000" },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
      started.push(child);
      return child;
    };
    place.write("corpus.jsonl", corpus(12_000));
    mkdirSync(place.at("vectors"));
    const enqueue = [
      place.at("corpus.jsonl"),
      place.at("vectors"),
      "12",
      "--model",
      tinyModel,
      "--no-dedupe",
    ];
    // Twice: a job is known by its name.
    for (let time = 0; time < 2; time++) {
      expect((await finished(run("enqueue.mjs", ...enqueue))).stdout).toBe("12 jobs are in the queue\n");
    }
    const first = run("worker.mjs");
    const parts = (): string[] =>
      readdirSync(place.at("vectors")).filter((name) => /^part-\d\d\.jsonl$/.test(name));
    await vi.waitUntil(() => parts().length > 0, { timeout: 30_000, interval: 5 });
    killGroup(first);
    const left = 12 - parts().length;
    expect(left).toBeGreaterThan(0);
    const others = [run("worker.mjs"), run("worker.mjs")];
    await vi.waitUntil(() => parts().length === 12, { timeout: 45_000, interval: 20 });
    for (const worker of others) worker.kill("SIGTERM");
    for (const worker of others) await vi.waitUntil(() => worker.exitCode !== null, { timeout: 10_000 });
    await place.embed("corpus.jsonl", "whole.jsonl");
    const joined = Buffer.concat(
      parts()
        .sort()
        .map((name) => readFileSync(place.at(`vectors/${name}`))),
    );
    expect(joined.equals(place.read("whole.jsonl"))).toBe(true);
  },
  120_000,
);

// The load generator, a process of its own: told what to send in lines of JSON, answers with latencies and counts.
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { quantile } from "../lib/stats.mjs";
import { runLoad } from "./load.mjs";

/** Requests by the name of their file: read and put together once. @type {Map<string, Buffer[]>} */
const prepared = new Map();

function toRequests({ bodies, path, host, port, key }) {
  const id = JSON.stringify([bodies, path, host, port]);
  let requests = prepared.get(id);
  if (requests === undefined) {
    requests = JSON.parse(readFileSync(bodies, "utf8")).map((body) => {
      const head =
        `POST ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Type: application/json\r\n` +
        (key === undefined ? "" : `Authorization: Bearer ${key}\r\n`) +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
      return Buffer.from(head + body);
    });
    prepared.set(id, requests);
  }
  return requests;
}

/** @param {readonly number[]} times */
const spread = (times) => ({
  count: times.length,
  p50: quantile(times, 0.5),
  p95: quantile(times, 0.95),
  p99: quantile(times, 0.99),
  max: times.reduce((a, b) => Math.max(a, b), 0),
});

async function run(request) {
  const result = await runLoad({ ...request, requests: toRequests(request) });
  const { byStatus, settled, lags, ...rest } = result;
  const good = byStatus.get(200) ?? [];
  return {
    ...rest,
    statuses: Object.fromEntries([...byStatus].map(([status, times]) => [status, times.length])),
    accepted: spread(good),
    settled: spread(settled),
    lag: spread(lags),
    // Of each slice of the run, for what changes slowly. Answers come in about the order in which they were due.
    slices: Array.from({ length: request.slices ?? 0 }, (_, i) =>
      spread(good.slice((i * good.length) / request.slices, ((i + 1) * good.length) / request.slices)),
    ),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await run(JSON.parse(line)).catch((error) => ({ error: String(error?.stack ?? error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);

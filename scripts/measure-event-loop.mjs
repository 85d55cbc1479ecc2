// What a call does to the rest of the process: the delay of the event loop and the latency of file system calls while
// many long texts are embedded, beside the same without. npm run bench:loop -- [FOLDER-OF-A-MODEL]
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { NativeBackend } from "candle-embed";

const data =
  process.env["CANDLE_EMBED_TEST_DATA"] ?? fileURLToPath(new URL("../../shared/data", import.meta.url));
const texts = readFileSync(`${data}/texts/long.txt`, "utf8").trimEnd().split("\n").slice(0, 1_000);
const file = fileURLToPath(import.meta.url);

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Watches the loop and reads a small file every 5 ms until `work` is done. */
async function watch(label, work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const reads = [];
  let running = true;
  delay.enable();
  const reader = (async () => {
    while (running) {
      const start = performance.now();
      await readFile(file);
      reads.push(performance.now() - start);
      await sleep(5);
    }
  })();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1e3;
  running = false;
  await reader;
  delay.disable();
  reads.sort((a, b) => a - b);
  const loop = [50, 99]
    .map((share) => (delay.percentile(share) / 1e6).toFixed(2))
    .concat((delay.max / 1e6).toFixed(2));
  const fs = [0.5, 0.99, 1].map((share) => percentile(reads, share).toFixed(2));
  console.log(`| ${label} | ${seconds.toFixed(1)} | ${loop.join(" / ")} | ${fs.join(" / ")} |`);
}

const backend = await NativeBackend.load(process.argv[2]);
await backend.embed(texts.slice(0, 50));
console.log(`${texts.length} long texts, ${backend.modelId} ${backend.dtype}, ${backend.threads} threads\n`);
console.log(
  "| | seconds | event-loop delay p50 / p99 / max, ms | readFile p50 / p99 / max, ms |\n| --- | --- | --- | --- |",
);
await watch("idle", () => sleep(5_000));
await watch("one call of all texts", () => backend.embed(texts));
await watch("one call for each text, all at once", () =>
  Promise.all(texts.map((text) => backend.embed(text))),
);
await backend.dispose();

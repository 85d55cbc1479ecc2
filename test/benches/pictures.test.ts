import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";

import { shareOfPeak, speedAndMemory } from "../../benches/report/pictures.mjs";
import { readRecord } from "../../benches/report/records.mjs";
import { exampleRecord } from "./record.js";

interface Engine {
  ours: boolean;
  textsPerSecond: { median: number };
  share?: { median: number };
}

/** The example record, changed. */
function recordWith(edit: (engines: Record<string, Engine>, own: Engine, peer: Engine) => void) {
  const folder = mkdtempSync(path.join(tmpdir(), "bench-record-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  for (const file of exampleRecord()) {
    const engines = (file as { workload?: { engines: Record<string, Engine> } }).workload?.engines;
    if (engines !== undefined) {
      edit(engines, engines["candle-embed-f32"] as Engine, engines["onnxruntime-f32"] as Engine);
    }
    writeFileSync(path.join(folder, `${file.command}.json`), JSON.stringify(file));
  }
  return readRecord(folder);
}

/** Names and values in the order of the picture, and how long the bars are. */
function rows(svg: string): string[] {
  const row =
    /<g class="(\w+)"><text[^>]*>([^<]*)<\/text><rect class="track"[^>]*\/><rect class="bar"[^>]*width="([\d.]+)"[^>]*\/><text[^>]*>([^<]*)/g;
  return [...svg.matchAll(row)].map(([, kind, name, width, value]) => [kind, name, width, value].join(" "));
}

test("speed and memory: the bars are to scale, the engines in the order of their speed", () => {
  const svg = speedAndMemory(recordWith(() => undefined));
  expect(rows(svg)).toEqual([
    "ours candle-embed-f32 200.0 1000",
    "peer onnxruntime-f32 100.0 500",
    "ours candle-embed-f32 66.7 100",
    "peer onnxruntime-f32 200.0 300",
  ]);
  expect(svg).toContain("A CPU, 2 threads, Node 20.20.2.");
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});

test("what is left out is said, and never candle-embed, however slow", () => {
  const svg = speedAndMemory(
    recordWith((engines, own, peer) => {
      own.textsPerSecond.median = 1;
      for (let i = 0; i < 10; i++) engines[`peer <${String(i)}>`] = structuredClone(peer);
    }),
  );
  expect(svg).toContain("Slower peers, 3: in the report.");
  expect(svg).toContain("peer &lt;0&gt;");
  expect(rows(svg)).toContain("ours candle-embed-f32 1.0 1.00");
});

test("share of the peak: of candle-embed only, on a scale up to all of it", () => {
  const svg = shareOfPeak(
    recordWith((_, own) => {
      own.share = { median: 0.75 };
    }),
  );
  expect(rows(svg)).toEqual(["ours short (10 tokens) 150.0 75.0 %"]);
});

test("pictures need nothing from elsewhere and are XML", () => {
  const svg = speedAndMemory(recordWith(() => undefined));
  expect(svg).not.toMatch(/href|url\(|@import/);
  expect(svg.replaceAll("http://www.w3.org/2000/svg", "")).not.toContain("http");
  const open = [...svg.matchAll(/<(\w+)(?:\s[^>]*[^>/])?>/g)].map(([, name]) => name).sort();
  const closed = [...svg.matchAll(/<\/(\w+)>/g)].map(([, name]) => name).sort();
  expect(open).toEqual(closed);
});

import { createServer, type Server } from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { chooseEngines, engines } from "../../benches/engines/index.mjs";
import { calibrate } from "../../benches/lib/calibrate.mjs";
import { RunningEngine } from "../../benches/lib/engine.mjs";
import { LineProcess } from "../../benches/lib/process.mjs";

const DIMENSIONS = 4;

/** A vector that depends on the text alone, of length 1. */
function vectorOf(text: string): number[] {
  const values = Array.from({ length: DIMENSIONS }, (_, i) => Math.sin(text.length * (i + 1)) + 1.5);
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

let server: Server;
let address: string;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "bench-engines-"));
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { input } = JSON.parse(Buffer.concat(parts).toString()) as { input: string[] };
      const data = input.map((text, index) => {
        const embedding = Buffer.from(Float32Array.from(vectorOf(text)).buffer).toString("base64");
        return { index, embedding };
      });
      // Out of order, as the format allows.
      response.end(JSON.stringify({ data: data.reverse() }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1`;
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function workload(reference: (text: string) => number[]) {
  const texts = ["a much longer text", "b", "middle", "of the size"];
  const textsFile = path.join(folder, "texts.json");
  writeFileSync(textsFile, JSON.stringify(texts));
  const order = texts.map((_, i) => i).sort((a, b) => (texts[a]?.length ?? 0) - (texts[b]?.length ?? 0));
  const indices = [0, 1, 3];
  const vectors = Float32Array.from(indices.flatMap((i) => reference(texts[i] ?? "")));
  return {
    name: "short",
    textsFile,
    tokensFile: textsFile,
    lengths: texts.map((text) => text.length),
    order,
    tokens: 40,
    reference: { indices, dimensions: DIMENSIONS, vectors },
  };
}

const tei = engines.find(({ name }) => name === "text-embeddings-inference");

async function start() {
  if (tei === undefined) throw new Error("no such engine");
  const definition = { ...tei, missing: () => undefined, model: () => address };
  const model = { name: "minilm" } as never;
  return RunningEngine.start(definition, { model, threads: 2, limit: 256 });
}

test("a server's vectors are put in the order of the texts and compared with the reference", async () => {
  const engine = await start();
  try {
    const given = workload(vectorOf);
    await engine.give(given);
    for (const settings of [
      { model: "m", batch: 3, sorted: false },
      { model: "m", batch: 2 },
    ]) {
      const { cosine, wrong } = await engine.embed(given, settings);
      expect(wrong).toBeUndefined();
      expect(cosine.min).toBeCloseTo(1, 6);
    }
    expect(await engine.latency(given, 0, 2, 0, { model: "m" })).toHaveLength(2);
  } finally {
    await engine.close();
  }
});

test("an engine with other vectors does not count", async () => {
  const engine = await start();
  try {
    const given = workload((text) => vectorOf(`${text} of another model`));
    await engine.give(given);
    const { wrong } = await engine.embed(given, { model: "m", batch: 2 });
    expect(wrong).toMatch(/cosine to the reference/);
    await expect(calibrate(engine, [given, given], { name: "minilm" } as never)).rejects.toThrow(
      /wrong answer/,
    );
  } finally {
    await engine.close();
  }
});

test("an engine that does not answer ends, with a reason", async () => {
  const silent = new LineProcess(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await expect(silent.ask({ op: "load" }, 0.3)).rejects.toThrow(/no answer to .* within 0\.3 s/);
  await silent.close();
});

test("a server without its address says how to give it", () => {
  const model = { name: "minilm" } as never;
  expect(tei?.missing?.(model, 2)).toMatch(/BENCH_TEI_URL=/);
});

test("engines are chosen by the beginnings of their names, for a model", () => {
  const names = (engine: string, model: "minilm" | "static" | "base-shape") =>
    chooseEngines(engine, model).map(({ name }) => name);
  expect(names("candle-embed", "minilm")).toEqual(["candle-embed-f32", "candle-embed-int8"]);
  expect(names("model2vec", "static")).toEqual(["model2vec-rs", "model2vec-python"]);
  expect(() => names("nobody", "minilm")).toThrow(/no engine nobody for minilm; there are: candle-embed-f32/);
});

import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";

import { FallbackBackend, NativeBackend, type EmbeddingBackend } from "candle-embed";
import { CandleEmbedError, WasmBackend, type EmbedProgress, type ModelFiles } from "@candle-embed/wasm";
import { finished, root, startNode, tinyModel } from "../native/support.js";
import { loadWasm } from "./support.js";

/** The files of the tiny model, as a program has them that reads them itself. */
function tinyFiles(): Record<string, Uint8Array> {
  const names = [
    "config.json",
    "tokenizer.json",
    "modules.json",
    "1_Pooling/config.json",
    "model.safetensors",
  ];
  return Object.fromEntries(
    names.map((name) => [name, new Uint8Array(readFileSync(path.join(tinyModel, name)))]),
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!CandleEmbedError.isInstance(error)) throw new Error(`no CandleEmbedError: ${String(error)}`);
  return error.code;
}

describe("WasmBackend", () => {
  it("takes a folder, a URL and files, and leaves the caller's files alone", async () => {
    const files = tinyFiles();
    const sizes = Object.values(files).map(({ length }) => length);
    const backends = [
      await loadWasm(tinyModel),
      await loadWasm(new URL(`file://${tinyModel}/`)),
      await loadWasm(path.relative(process.cwd(), tinyModel).replace(/^(?!\.)/, "./")),
      await loadWasm(files, { modelId: "mine" }),
    ];
    expect(Object.values(files).map(({ length }) => length)).toEqual(sizes);
    expect(backends.map(({ modelId }) => modelId)).toEqual([
      ...Array<string>(3).fill("tiny-bert-mean"),
      "mine",
    ]);
    const [first, ...others] = await Promise.all(backends.map((backend) => backend.embedQuery("one text")));
    for (const other of others) expect(other).toEqual(first);
  });

  it("every output type, and shapes as the addon gives them", async () => {
    const native = await NativeBackend.load(tinyModel);
    const wasm = await loadWasm(tinyModel);
    for (const outputType of ["float32", "int8", "uint8", "binary", "ubinary"] as const) {
      const [expected, got] = [
        await native.embed(["a", ""], { outputType }),
        await wasm.embed(["a", ""], { outputType }),
      ];
      expect(got.data.constructor).toBe(expected.data.constructor);
      expect([got.data.length, got.dimensions, got.count]).toEqual([
        expected.data.length,
        expected.dimensions,
        2,
      ]);
    }
    await native.dispose();
  });

  it("tokens and texts, as the addon has them", async () => {
    const native = await NativeBackend.load();
    const wasm = await loadWasm();
    const texts = ["Tokenizers split 🙂 words.", ""];
    expect(await wasm.tokenize(texts)).toEqual(await native.tokenize(texts));
    const ids = (await native.tokenize(texts)).map((text) => text.ids);
    expect(await wasm.detokenize(ids)).toEqual(await native.detokenize(ids));
    expect(await codeOf(wasm.detokenize([[1e9]]))).toBe("INVALID_INPUT");
    await native.dispose();
  });

  it("errors have the codes and details of the engine", async () => {
    const backend = await loadWasm(tinyModel);
    await expect(backend.embed(["short", "word ".repeat(5000)], { truncate: "error" })).rejects.toMatchObject(
      {
        code: "INPUT_TOO_LONG",
        index: 1,
        limit: backend.maxTokens,
      },
    );
    await expect(backend.embed("a", { promptName: "none" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await codeOf(backend.embed(["a", 1 as unknown as string]))).toBe("INVALID_INPUT");
    // It works on after all of them.
    expect((await backend.embed("a")).count).toBe(1);
  });

  it.each<[string, string | ModelFiles, string]>([
    ["a folder that is not there", "/no/such/folder", "MODEL_NOT_FOUND"],
    ["a name that is none", "no such model", "MODEL_NOT_FOUND"],
    ["no files", {}, "MODEL_NOT_FOUND"],
    ["a file that is a string", { "config.json": "{}" as unknown as Uint8Array }, "INVALID_INPUT"],
    ["damaged weights", { ...tinyFiles(), "model.safetensors": new Uint8Array(9) }, "MODEL_INVALID"],
    ["a path that leads outside", { ...tinyFiles(), "modules.json": modules("../up") }, "MODEL_INVALID"],
  ])("a load of %s: an error, and no worker that stays", async (_, model, code) => {
    expect(await codeOf(WasmBackend.load(model))).toBe(code);
  });

  it("options are checked, and what the vectors must be", async () => {
    expect(await codeOf(WasmBackend.load(tinyModel, { threads: 2 } as object))).toBe("INVALID_INPUT");
    expect(await codeOf(WasmBackend.load(tinyModel, { expectedDimensions: 7 }))).toBe("DIMENSION_MISMATCH");
  });

  it("a call ends early with its signal, tells how far it is, and others go on", async () => {
    const backend = await loadWasm();
    const texts = Array<string>(2000).fill("a text that takes a while to be embedded, again and again");
    const controller = new AbortController();
    const seen: EmbedProgress[] = [];
    const call = backend.embed(texts, {
      signal: controller.signal,
      onProgress: (progress) => {
        seen.push(progress);
        controller.abort(new Error("enough"));
      },
    });
    const next = backend.embed("another");
    await expect(call).rejects.toMatchObject({ code: "ABORTED", name: "AbortError" });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.texts).toBeLessThan(texts.length);
    expect((await next).count).toBe(1);
  });

  it("computing leaves the event loop free", async () => {
    const backend = await loadWasm();
    let turns = 0;
    let running = true;
    const call = backend.embed(Array<string>(20).fill("word ".repeat(100))).finally(() => (running = false));
    while (running) {
      await sleep(1);
      turns++;
    }
    await call;
    // On the thread of the calls there would be one turn for each of its steps of 50 ms.
    expect(turns).toBeGreaterThan(20);
  });

  it("an aborted load, and a disposed backend", async () => {
    expect(await codeOf(WasmBackend.load(tinyModel, { signal: AbortSignal.abort() }))).toBe("ABORTED");
    const controller = new AbortController();
    const load = WasmBackend.load(undefined, {
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === "load") controller.abort();
      },
    });
    expect(await codeOf(load)).toBe("ABORTED");

    const backend = await WasmBackend.load(tinyModel);
    const waiting = codeOf(backend.embed(Array<string>(500).fill("text")));
    await backend.dispose();
    expect(await waiting).toBe("DISPOSED");
    expect(await codeOf(backend.embed("a"))).toBe("DISPOSED");
    await backend.dispose();
  });

  it("an idle backend keeps no process alive, one at work does", async () => {
    const program = `
      import { WasmBackend } from "@candle-embed/wasm";
      const backend = await WasmBackend.load(${JSON.stringify(tinyModel)});
      backend.embed("not waited for").then(({ count }) => console.log(count));`;
    expect(await finished(startNode(program))).toMatchObject({ code: 0, stdout: "1\n", stderr: "" });
  });

  it("stands beside the addon: errors of one are errors of the other", async () => {
    const error: unknown = await WasmBackend.load("/no/such/folder").catch((thrown: unknown) => thrown);
    const { CandleEmbedError: other } = await import("candle-embed");
    expect(other.isInstance(error)).toBe(true);
  });

  it("its entry for browsers needs nothing of Node", () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const source = readFileSync(file, "utf8");
      for (const [, specifier = ""] of source.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
        expect(specifier, file).toMatch(/^\./);
        visit(path.resolve(path.dirname(file), specifier));
      }
    };
    visit(path.join(root, "npm/wasm/dist/wasm/browser.js"));
    visit(path.join(root, "npm/wasm/dist/wasm/worker-web.js"));
    expect(seen.size).toBeGreaterThan(20);
  });
});

function modules(folder: string): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify([
      { path: "", type: "sentence_transformers.models.Transformer" },
      { path: folder, type: "sentence_transformers.models.Pooling" },
    ]),
  );
}

describe("WasmBackend and the other backends", () => {
  it("share a space, so that one can stand behind the other", async () => {
    const wasm = await WasmBackend.load(tinyModel);
    const backend: EmbeddingBackend = await FallbackBackend.create([
      wasm,
      () => NativeBackend.load(tinyModel),
    ]);
    expect((await backend.embed("a text")).backend).toBe("wasm");
    await backend.dispose();
    expect(await codeOf(wasm.embed("a"))).toBe("DISPOSED");
  });
});

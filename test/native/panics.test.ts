import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";

import { root, tinyModel } from "./support.js";

/** The addon with the engine's feature `fault-inject`: a stage of the engine can be told to panic. */
const addon = path.join(root, ".cache/fault-inject/candle-embed.node");

// Compiles two small crates again; the dependencies are those of the addon proper.
beforeAll(() => {
  const library = { darwin: "libcandle_embed_napi.dylib", win32: "candle_embed_napi.dll" } as Record<
    string,
    string
  >;
  const args = ["build", "--release", "--quiet", "-p", "candle-embed-napi", "--features", "fault-inject"];
  const built = spawnSync("cargo", args, { cwd: root, encoding: "utf8" });
  if (built.status !== 0) throw new Error(built.stderr);
  mkdirSync(path.dirname(addon), { recursive: true });
  copyFileSync(
    path.join(root, "target/release", library[process.platform] ?? "libcandle_embed_napi.so"),
    addon,
  );
}, 300_000);

const program = `
  const assert = require("node:assert/strict");
  const { setFault } = require(process.env.NAPI_RS_NATIVE_LIBRARY_PATH);
  const { NativeBackend, CandleEmbedError } = require("candle-embed");
  const isInternal = (error) =>
    CandleEmbedError.isInstance(error) && error.code === "INTERNAL" && error.message.includes("injected fault");
  (async () => {
    const folder = process.argv[1];
    const backend = await NativeBackend.load(folder);
    const texts = Array.from({ length: 40 }, (_, index) => "the river ".repeat(index));
    const expected = await backend.embed(texts);
    let rejections = 0;
    for (let round = 0; round < 25; round++) {
      for (const stage of ["load", "tokenize", "forward", "pool"]) {
        setFault(stage);
        const call = stage === "load" ? NativeBackend.load(folder) : backend.embed(texts);
        await assert.rejects(call, isInternal);
        rejections++;
        setFault(null);
        const after = await backend.embed(texts);
        assert.deepEqual(after.data, expected.data);
      }
    }
    const again = await NativeBackend.load(folder);
    assert.deepEqual((await again.embed(texts)).data, expected.data);
    console.log(rejections);
  })();
`;

test("a panic in any stage rejects that call with INTERNAL; the next one gets the same bits", () => {
  const output = execFileSync(process.execPath, ["-e", program, tinyModel], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: addon },
    // Rust prints each panic there.
    stdio: ["ignore", "pipe", "ignore"],
  });
  expect(output.trim()).toBe("100");
}, 60_000);

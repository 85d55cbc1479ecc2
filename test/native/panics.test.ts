import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";

import { root, tinyModel } from "./support.js";

/** The addon with the engine's feature `fault-inject`: a stage of the engine can be told to panic. */
const addon = path.join(root, ".cache/fault-inject/candle-embed.node");

// Compiles the engine and the addon again: half a minute of a fast core, four of a slow one with two tests on it, and ten
// where `cargo test` has not compiled the dependencies yet.
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
    path.resolve(
      root,
      process.env["CARGO_TARGET_DIR"] ?? "target",
      "release",
      library[process.platform] ?? "libcandle_embed_napi.so",
    ),
    addon,
  );
}, 1_200_000);

const start = `
  const assert = require("node:assert/strict");
  const { setFault } = require(process.env.CANDLE_EMBED_ADDON);
  const { NativeBackend, CandleEmbedError } = require("candle-embed");
  const folder = process.argv[1];
  const isInternal = (error) =>
    CandleEmbedError.isInstance(error) && error.code === "INTERNAL" && error.message.includes("injected fault");
  const texts = Array.from({ length: 40 }, (_, index) => "the river ".repeat(index));
`;

function runProgram(body: string): string {
  const output = execFileSync(process.execPath, ["-e", `${start} (async () => { ${body} })();`, tinyModel], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, CANDLE_EMBED_ADDON: addon },
    // Rust prints each panic there.
    stdio: ["ignore", "pipe", "ignore"],
  });
  return output.trim();
}

test.each([
  ["many texts, a thread each", "texts"],
  ["one text, its layers shared by the threads", '"the river ".repeat(25)'],
])(
  "a panic in any stage rejects that call with INTERNAL; the next one gets the same bits: %s",
  (_name, input) => {
    const output = runProgram(`
      const backend = await NativeBackend.load(folder, { threads: 4 });
      const input = ${input};
      const expected = await backend.embed(input);
      let rejections = 0;
      for (let round = 0; round < 25; round++) {
        for (const stage of ["load", "tokenize", "forward", "pool"]) {
          setFault(stage);
          const call = stage === "load" ? NativeBackend.load(folder) : backend.embed(input);
          await assert.rejects(call, isInternal);
          rejections++;
          setFault(null);
          assert.deepEqual((await backend.embed(input)).data, expected.data);
        }
      }
      const again = await NativeBackend.load(folder);
      assert.deepEqual((await again.embed(input)).data, expected.data);
      console.log(rejections);
    `);
    expect(output).toBe("100");
  },
  60_000,
);

test("a panic in one of two calls that alternate leaves the other one alone", () => {
  const output = runProgram(`
    const long = Array.from({ length: 300 }, (_, index) => index + " the river is long".repeat(25));
    const [slow, quick] = [await NativeBackend.load(), await NativeBackend.load(folder)];
    const [expectedLong, expected] = [await slow.embed(long), await quick.embed(texts)];
    let finished = 0;
    let rejection;
    const running = slow.embed(long, {
      onProgress: (progress) => {
        finished = progress.texts;
        // This call has tokenized all its texts: the other one runs into the fault, between two steps of this one.
        if (rejection !== undefined) return;
        setFault("tokenize");
        rejection = quick.embed(texts).catch((error) => {
          setFault(null);
          assert(isInternal(error), error);
          assert(finished < long.length, "the long call was over before");
          return "rejected";
        });
      },
    });
    assert.deepEqual((await running).data, expectedLong.data);
    assert.equal(await rejection, "rejected");
    assert.deepEqual((await quick.embed(texts)).data, expected.data);
    console.log("done");
  `);
  expect(output).toBe("done");
}, 60_000);

test("a panic that hits both of two calls that alternate ends both, and neither model", () => {
  const output = runProgram(`
    const long = Array.from({ length: 300 }, (_, index) => index + " the river is long".repeat(25));
    const backends = [await NativeBackend.load(), await NativeBackend.load()];
    const expected = await backends[0].embed(texts);
    const steps = [];
    const calls = backends.map((backend, index) =>
      backend.embed(long, {
        onProgress: () => {
          steps.push(index);
          if (steps.length === 4) setFault("forward");
        },
      }),
    );
    await Promise.all(calls.map((call) => assert.rejects(call, isInternal)));
    // The step that follows begins while the fault is being set, and may still pass.
    assert.deepEqual(steps.slice(0, 4), [0, 1, 0, 1]);
    assert.ok(steps.length <= 5, String(steps));
    setFault(null);
    for (const backend of backends) assert.deepEqual((await backend.embed(texts)).data, expected.data);
    console.log("done");
  `);
  expect(output).toBe("done");
}, 60_000);

/** A model as GPUs run it, on Candle's CPU device, and a way to embed with it. */
const onDevice = `
  const { loadModel } = require(process.env.CANDLE_EMBED_ADDON);
  const load = () => loadModel(folder, { executor: "device" });
  const embed = async (model) => {
    const job = model.startJob({});
    if (job.code !== undefined) return job;
    job.push(texts);
    for (;;) {
      const step = await job.step(1000);
      if (step.code !== undefined || step.result !== undefined) return step.code === undefined ? step.result : step;
    }
  };
`;

test("a device with too little memory for a batch computes it in parts, down to one text", () => {
  const output = runProgram(`
    ${onDevice}
    const model = await load();
    const expected = await embed(model);
    const longest = Math.max(...expected.tokens);
    setFault("device-memory:" + longest);
    const parts = await embed(model);
    for (const [index, value] of parts.data.entries()) assert(Math.abs(value - expected.data[index]) < 1e-5);
    setFault("device-memory:" + (longest - 1));
    const refused = await embed(model);
    assert.equal(refused.code, "DEVICE_UNAVAILABLE");
    assert.match(refused.message, /too little free memory/);
    setFault(null);
    assert.equal((await embed(model)).data.length, expected.data.length);
    console.log("done");
  `);
  expect(output).toBe("done");
});

test("a device that is lost ends the calls of its models, and nothing else", () => {
  const output = runProgram(`
    ${onDevice}
    const [model, other, cpu] = [await load(), await load(), await NativeBackend.load(folder)];
    const expected = await cpu.embed(texts);
    setFault("device-lost");
    const calls = await Promise.all([embed(model), embed(other), embed(model)]);
    setFault(null);
    for (const failure of [...calls, await embed(other), await load()]) {
      assert.equal(failure.code, "DEVICE_UNAVAILABLE");
      assert.match(failure.message, /this process can't use it any more/);
    }
    for (const lost of [model, other]) lost.dispose();
    assert.deepEqual((await cpu.embed(texts)).data, expected.data);
    console.log("done");
  `);
  expect(output).toBe("done");
});

test("a process that ends with a device at work ends cleanly", () => {
  const output = runProgram(`
    ${onDevice}
    const model = await load();
    const job = model.startJob({});
    job.push(Array.from({ length: 20000 }, (_, index) => "the river " + index));
    await job.step(1);
    console.log("done");
    process.exit(0);
  `);
  expect(output).toBe("done");
});

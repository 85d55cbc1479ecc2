import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import type { ProbeReply } from "../../src/gpu/probe.js";
import { temporaryFolder } from "../native/support.js";
import { loadOn, machineWithGpu, machineWithoutGpu, root, runOn, tinyModel, version } from "./support.js";

const isLinuxX64 = process.platform === "linux" && process.arch === "x64";
const staticModel = path.join(root, "test/fixtures/tiny-static");

describe.runIf(isLinuxX64)("device auto, where there is an NVIDIA GPU", () => {
  it("takes it for float weights, whose vectors stay float32", async () => {
    const loaded = await loadOn(machineWithGpu(), tinyModel, {});
    expect(loaded).toMatchObject({ device: "cuda:0", dtype: "float32", probes: 1 });
    expect(loaded.debug).toContain("device auto: cuda:0");
    expect(await loadOn(machineWithGpu(), tinyModel, { dtype: "bfloat16" })).toMatchObject({
      device: "cuda:0",
      dtype: "bfloat16",
    });
  });

  it("tries it once, however many models are loaded", async () => {
    expect(await loadOn(machineWithGpu(), tinyModel, {}, { times: 3 })).toMatchObject({
      device: "cuda:0",
      probes: 1,
    });
  });

  it.each([
    ["the embedded int8 model", undefined, {}, "the weights are int8"],
    ["int8 arithmetic", tinyModel, { dtype: "int8" }, "int8 is arithmetic of CPUs"],
    ["a static model", staticModel, {}, "a static model is a look-up"],
  ])("leaves %s on the CPU, and does not even try the GPU", async (_, model, options, reason) => {
    const loaded = await loadOn(machineWithGpu(), model, options);
    expect(loaded).toMatchObject({ device: "cpu", probes: 0 });
    expect(loaded.debug).toContain(reason);
  });

  it.each([
    ["aborts the process", "process.abort()", /the process that tried it ended with SIGABRT/],
    ["ends it", "process.exit(7)", /ended with code 7/],
    [
      "answers with an error",
      'return { code: "DEVICE_UNAVAILABLE", message: "libcublas.so.13 is missing" }',
      /libcublas\.so\.13 is missing/,
    ],
    ["throws", 'throw new Error("symbol not found")', /symbol not found/],
    [
      "writes what is wrong before it dies",
      'console.error("CUDA driver version is insufficient"); process.exit(1)',
      /\(CUDA driver version is insufficient\)/,
    ],
  ])("falls back to the CPU where trying it %s", async (_, probe, reason) => {
    const loaded = await loadOn(machineWithGpu({ probe }), tinyModel, {});
    expect(loaded).toMatchObject({ device: "cpu", dtype: "float32", probes: 1 });
    expect(loaded.debug).toMatch(reason);
    expect(loaded.debug.match(/device auto/g)).toHaveLength(1);
  });

  it("falls back where the GPU works and then refuses the model, not where the model is to blame", async () => {
    const refuse = 'return { code: "DEVICE_UNAVAILABLE", message: "out of device memory" };';
    const loaded = await loadOn(machineWithGpu({ load: refuse }), tinyModel, {});
    expect(loaded).toMatchObject({ device: "cpu" });
    expect(loaded.debug).toContain("out of device memory");
    const invalid = 'return { code: "MODEL_INVALID", message: "broken" };';
    expect(await loadOn(machineWithGpu({ load: invalid }), tinyModel, {})).toMatchObject({
      code: "MODEL_INVALID",
    });
  });

  it.each([
    [
      { probe: null },
      `the package @candle-embed/cuda-linux-x64 is not installed: npm install @candle-embed/cuda-linux-x64@${version}`,
    ],
    [{ version: "0.0.9" }, `is version 0.0.9, and candle-embed ${version}: npm install`],
  ])("says what to install: %j", async (gpu, reason) => {
    const loaded = await loadOn(machineWithGpu(gpu), tinyModel, {});
    expect(loaded).toMatchObject({ device: "cpu", probes: 0 });
    expect(loaded.debug).toContain(reason);
  });

  it("leaves to the CPU what the GPU does not compute right", async () => {
    const half = 'return { device: "cuda:0", name: "Half", memoryBytes: null, dtypes: ["float16"] };';
    const loaded = await loadOn(machineWithGpu({ probe: half }), tinyModel, {});
    expect(loaded).toMatchObject({ device: "cpu", dtype: "float32" });
    expect(loaded.debug).toContain(
      "Half gives wrong numbers in float32, or has none; it computes in float16",
    );
    expect(await loadOn(machineWithGpu({ probe: half }), tinyModel, { dtype: "float16" })).toMatchObject({
      device: "cuda:0",
    });
  });

  it("knows GPUs that are hidden", async () => {
    const { env } = machineWithGpu();
    const loaded = await loadOn({ env: { ...env, CUDA_VISIBLE_DEVICES: "" } }, tinyModel, {});
    expect(loaded).toMatchObject({ device: "cpu", probes: 0 });
    expect(loaded.debug).toContain("CUDA_VISIBLE_DEVICES hides all GPUs");
  });

  it("finds int8 weights in the folder of the first module", async () => {
    const folder = path.join(temporaryFolder(), "nested");
    cpSync(path.join(root, "models/all-MiniLM-L6-v2"), folder, {
      recursive: true,
      filter: (file) => !file.endsWith(".safetensors"),
    });
    cpSync(
      path.join(root, "models/all-MiniLM-L6-v2/model.safetensors"),
      path.join(folder, "model.safetensors"),
    );
    expect(await loadOn(machineWithGpu(), folder, {})).toMatchObject({
      device: "cpu",
      dtype: "int8",
      probes: 0,
    });
    expect(await loadOn(machineWithGpu(), folder, { dtype: "float16" })).toMatchObject({ device: "cuda:0" });
  });
});

describe.runIf(isLinuxX64)("a device by name", () => {
  it("is taken with what the engine calls best there, also for int8 weights", async () => {
    expect(await loadOn(machineWithGpu(), undefined, { device: "cuda" })).toMatchObject({
      device: "cuda:0",
      dtype: "float16",
    });
    expect(await loadOn(machineWithGpu(), tinyModel, { device: "cuda:1", dtype: "float32" })).toMatchObject({
      device: "cuda:1",
      dtype: "float32",
    });
  });

  it.each([
    [
      { probe: null },
      "cuda",
      /^device "cuda" cannot be used: the package @candle-embed\/cuda-linux-x64 is not installed: npm install/,
    ],
    [{ probe: "process.abort()" }, "cuda", /ended with SIGABRT; its driver is 580\.95\.05$/],
    [
      { probe: 'return { code: "DEVICE_UNAVAILABLE", message: "cuInit failed" }', driver: "535.54.03" },
      "cuda:1",
      /^device "cuda:1" cannot be used: cuInit failed; its driver is 535\.54\.03, and CUDA 13 needs 580 or newer: update the driver$/,
    ],
    [{}, "metal", /Metal is for Macs with Apple silicon/],
  ])("is refused with the reason: %j, %s", async (gpu, device, message) => {
    const loaded = await loadOn(machineWithGpu(gpu), tinyModel, { device });
    expect(loaded).toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringMatching(message) as string,
    });
  });

  it.each(["cuda:", "cuda:x", "cuda:-1", "cuda:1000", "cuda:01x", "CUDA", "gpu"])(
    "is no device: %s",
    async (device) => {
      expect(await loadOn(machineWithoutGpu(), tinyModel, { device })).toMatchObject({
        code: "INVALID_INPUT",
        probes: 0,
      });
    },
  );
});

describe("where there is no GPU", () => {
  it("no process is started, and nothing loaded that would", async () => {
    const program = `
      import { NativeBackend } from "candle-embed";
      const backend = await NativeBackend.load(${JSON.stringify(tinyModel)});
      await backend.dispose();
      console.log(backend.device, process.moduleLoadList.includes("NativeModule child_process"));`;
    const { stdout } = await runOn(machineWithoutGpu(), program);
    expect(stdout).toBe("cpu false\n");
  });

  it.runIf(process.platform === "linux")("a GPU by name is refused with what was looked for", async () => {
    expect(await loadOn(machineWithoutGpu(), tinyModel, { device: "cuda" })).toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringMatching(/neither \/dev\/nvidiactl nor .*docker run --gpus all/) as string,
      probes: 0,
    });
  });

  it("half precision is refused, with the reason why there is no GPU", async () => {
    expect(await loadOn(machineWithoutGpu(), tinyModel, { dtype: "float16" })).toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      message: expect.stringMatching(
        /dtype "float16" is for GPUs, and none can be used: no GPU was found/,
      ) as string,
    });
  });
});

describe.runIf(isLinuxX64)("a GPU that hangs", () => {
  const hangs = machineWithGpu({ probe: "for (;;);" });

  it("does not outlast an abort of the load, and is gone with the program", async () => {
    const program = `
      import { NativeBackend } from "candle-embed";
      const signal = AbortSignal.timeout(1000);
      await NativeBackend.load(${JSON.stringify(tinyModel)}, { signal }).catch(({ code }) => console.log(code));
      process.exit();`;
    const { stdout, code } = await runOn(hangs, program);
    expect({ stdout, code }).toEqual({ stdout: "ABORTED\n", code: 0 });
  });

  it("is given up after the time limit", async () => {
    // The limit of a minute, hurried.
    const hurry = path.join(temporaryFolder(), "hurry.cjs");
    writeFileSync(
      hurry,
      `const { setTimeout: later } = globalThis;
       globalThis.setTimeout = (work, ms, ...rest) => later(work, ms === 60000 ? 500 : ms, ...rest);`,
    );
    const env = { ...hangs.env, NODE_OPTIONS: `${String(hangs.env["NODE_OPTIONS"])} --require ${hurry}` };
    const loaded = await loadOn({ env }, tinyModel, {});
    expect(loaded).toMatchObject({ device: "cpu", probes: 1 });
    expect(loaded.debug).toContain("the process that tried it did not answer within 60 s");
  });
});

describe("the process that tries a device", () => {
  it("is answered by the real addon, here of the CPU", async () => {
    const program = `
      import { createRequire } from "node:module";
      const { probe } = createRequire(${JSON.stringify(path.join(root, "package.json"))})("./dist/gpu/probe.js");
      console.log(JSON.stringify([await probe("cpu", "platform"), await probe("metal", "platform")]));`;
    const { stdout } = await runOn(machineWithoutGpu(), program);
    const [cpu, metal] = JSON.parse(stdout) as [ProbeReply, ProbeReply];
    expect(cpu.report).toMatchObject({ device: "cpu", memoryBytes: null });
    expect(cpu.report?.dtypes).toContain("float32");
    if (process.platform !== "darwin") expect(metal.reason).toContain("computes on cpu, not on metal");
  });
});

describe.runIf(isLinuxX64)("the process that tries a GPU", () => {
  it("does not try it again where it is the whole program once more", async () => {
    const { env } = machineWithGpu();
    const loaded = await loadOn({ env: { ...env, CANDLE_EMBED_GPU_PROBE: "1" } }, tinyModel, {});
    expect(loaded).toMatchObject({ device: "cpu", probes: 0 });
  });

  it("waits for no debugger", async () => {
    const { env } = machineWithGpu();
    const program = `
      import { NativeBackend } from "candle-embed";
      const backend = await NativeBackend.load(${JSON.stringify(tinyModel)});
      console.log(backend.device);
      process.exit();`;
    const child = spawn(process.execPath, ["--inspect=0", "--input-type=module", "--eval", program], {
      cwd: root,
      env: { ...process.env, ...env, NODE_OPTIONS: `${String(env["NODE_OPTIONS"])} --inspect-port=0` },
      stdio: ["ignore", "pipe", "ignore"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    await once(child, "close");
    expect(said).toBe("cuda:0\n");
  });
});

import { describe, expect, it } from "vitest";

import { machineWithGpu, machineWithoutGpu, runCliOn, tinyModel, version, type Machine } from "./support.js";

interface Finding {
  name: string;
  status: string;
  text: string;
  data: Record<string, unknown>;
}

async function gpuFinding(machine: Machine): Promise<Finding> {
  const { stdout } = await runCliOn(machine, "doctor", "--json", tinyModel);
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return findings.find(({ name }) => name === "gpu") as Finding;
}

describe.runIf(process.platform === "linux" && process.arch === "x64")("doctor", () => {
  it("shows a GPU that works: name, memory, driver, package, arithmetics", async () => {
    const finding = await gpuFinding(machineWithGpu());
    expect(finding.status).toBe("ok");
    expect(finding.text).toMatch(
      /^NVIDIA H200 \(cuda:0\), 150\.8 GB, driver 580\.95\.05: works in float32, float16, bfloat16\n/,
    );
    expect(finding.data).toMatchObject({
      works: true,
      device: "cuda:0",
      driver: "580.95.05",
      package: `@candle-embed/cuda-linux-x64@${version}`,
      memoryBytes: 150_754_820_096,
    });
  });

  it.each([
    [
      "the package is missing",
      machineWithGpu({ probe: null }),
      `npm install @candle-embed/cuda-linux-x64@${version}; its driver is 580.95.05`,
    ],
    [
      "trying it crashes, with an old driver",
      machineWithGpu({ probe: "process.abort()", driver: "470.223.02" }),
      "the process that tried it ended with SIGABRT; its driver is 470.223.02, and CUDA 13 needs 580 or newer",
    ],
  ])("says why a GPU is not used: %s", async (_, machine, reason) => {
    const finding = await gpuFinding(machine);
    expect(finding).toMatchObject({ status: "note", data: { works: false } });
    expect(finding.text).toContain("NVIDIA GPU, not used: ");
    expect(finding.text).toContain(reason);
  });

  it("has nothing to say where there is none", async () => {
    expect(await gpuFinding(machineWithoutGpu())).toMatchObject({
      status: "ok",
      text: "none found; the CPU computes",
    });
  });
});

describe.runIf(process.platform === "linux" && process.arch === "x64")("--device and --dtype", () => {
  it("choose a GPU and its arithmetic", async () => {
    const gpu = machineWithGpu();
    const { stdout, code } = await runCliOn(
      gpu,
      "embed",
      "--device",
      "cuda:1",
      "--dtype",
      "bfloat16",
      "-m",
      tinyModel,
      "a",
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\[/);
  });

  it("are refused on one line where they cannot be had", async () => {
    const machine = machineWithGpu({ probe: null });
    const { stderr, code } = await runCliOn(machine, "embed", "--device", "cuda", "-m", tinyModel, "a");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /DEVICE_UNAVAILABLE.*device "cuda" cannot be used: the package @candle-embed\/cuda-linux-x64/,
    );
    const unknown = await runCliOn(machine, "embed", "--device", "cuda:one", "-m", tinyModel, "a");
    expect(unknown.stderr).toContain("auto, cpu, metal, cuda or cuda:<number>");
  });
});

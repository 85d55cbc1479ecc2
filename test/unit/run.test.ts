import { expect, it, vi } from "vitest";

import { run } from "../../src/cli/run.js";
import { quantizeModel } from "../../src/native.js";

vi.mock("../../src/native.js", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  quantizeModel: vi.fn(),
}));

/** Takes what is printed, and calls `written` then. */
function mockOutput(written = (): unknown => undefined): { mockRestore(): void } {
  const take = (_chunk: unknown, done: unknown): boolean => {
    written();
    (done as () => void)();
    return true;
  };
  return vi.spyOn(process.stdout, "write").mockImplementation(take);
}

const report = { bytesBefore: 4e6, bytesAfter: 1e6, matrices: 7, sourceSha256: "ab" };

it.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("quantize ends at once on %s, though the engine works on", async (signal, code) => {
  vi.mocked(quantizeModel).mockImplementationOnce(() => {
    process.emit(signal);
    return new Promise(() => undefined);
  });
  expect(await run(["quantize", "source", "target"])).toBe(code);
});

it("gives the code of the signal even where the command got to its end", async () => {
  const output = mockOutput(() => process.emit("SIGINT"));
  vi.mocked(quantizeModel).mockResolvedValueOnce(report);
  expect(await run(["quantize", "source", "target"])).toBe(130);
  output.mockRestore();
});

it("quantize hands its pooling on", async () => {
  const output = mockOutput();
  vi.mocked(quantizeModel).mockResolvedValue(report);
  expect(await run(["quantize", "/a", "/b", "--pooling", "cls"])).toBe(0);
  expect(vi.mocked(quantizeModel).mock.lastCall).toEqual(["/a", "/b", "cls"]);
  expect(await run(["quantize", "/a", "/b"])).toBe(0);
  expect(vi.mocked(quantizeModel).mock.lastCall).toEqual(["/a", "/b", undefined]);
  output.mockRestore();
});

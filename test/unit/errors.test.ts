import { expect, it, vi } from "vitest";

import { CandleEmbedError, errorCodes } from "../../src/index.js";

it("carries code, message and details", () => {
  const cause = new Error("below");
  const error = new CandleEmbedError("INPUT_TOO_LONG", "too long", {
    cause,
    index: 0,
    tokens: 300,
    limit: 256,
  });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: "CandleEmbedError",
    code: "INPUT_TOO_LONG",
    message: "too long",
    cause,
    index: 0,
    tokens: 300,
    limit: 256,
  });
});

it("has no empty details", () => {
  expect(Object.keys(new CandleEmbedError("INTERNAL", "?")).sort()).toEqual(["code", "name"]);
  expect("cause" in new CandleEmbedError("INTERNAL", "?", { index: 1 })).toBe(false);
});

it("is called AbortError when it is one", () => {
  expect(new CandleEmbedError("ABORTED", "stopped").name).toBe("AbortError");
});

it("is recognised across copies of the package", async () => {
  vi.resetModules();
  const copy = await import("../../src/errors.js");
  const foreign = new copy.CandleEmbedError("DISPOSED", "gone");
  expect(foreign).not.toBeInstanceOf(CandleEmbedError);
  expect(CandleEmbedError.isInstance(foreign)).toBe(true);
});

it.each([undefined, null, "INTERNAL", {}, new Error("x")])("does not take %s for one", (value) => {
  expect(CandleEmbedError.isInstance(value)).toBe(false);
});

it("lists every code of the contract once", () => {
  expect(new Set(errorCodes).size).toBe(errorCodes.length);
  expect(errorCodes).toContain("API_KEY_COMMAND_FAILED");
});

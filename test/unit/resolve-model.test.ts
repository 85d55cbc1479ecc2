import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";

import { resolveModel } from "../../src/backends/resolve-model.js";
import { catalog } from "../../src/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "candle embed ü-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it.each(["all-MiniLM-L6-v2", "ALL-minilm-l6-V2", "sentence-transformers/all-MiniLM-L6-v2"])(
  "finds the embedded model by the name %s",
  (name) => {
    expect(resolveModel(name)).toEqual({
      folder: path.resolve("models/all-MiniLM-L6-v2"),
      modelId: "sentence-transformers/all-MiniLM-L6-v2",
      revision: catalog[0]?.revision,
    });
  },
);

it("finds a folder by absolute path, relative path, URL and its text", () => {
  const expected = { folder, modelId: path.basename(folder), revision: undefined };
  const url = pathToFileURL(folder);
  for (const model of [folder, path.relative(process.cwd(), folder), url, url.href, `${folder}/`]) {
    expect(resolveModel(model)).toEqual(expected);
  }
});

it("says what could be passed when there is nothing of that name", () => {
  expect(() => resolveModel("no-such-model")).toThrow(
    expect.objectContaining({
      code: "MODEL_NOT_FOUND",
      message:
        'no model "no-such-model": there is no such folder. Pass a folder in the sentence-transformers layout, the id ' +
        'of a model on the hub ("BAAI/bge-small-en-v1.5"), or a name that "candle-embed models" lists',
    }) as Error,
  );
});

it.each(["", "a\0b", "file://%zz", "file://host/share"])("finds nothing under %j", (model) => {
  expect(() => resolveModel(model)).toThrow(expect.objectContaining({ code: "MODEL_NOT_FOUND" }) as Error);
});

it("says why a folder cannot be read, with the cause", () => {
  const loop = path.join(folder, "loop");
  symlinkSync(loop, loop);
  for (const [model, code] of [
    [loop, "ELOOP"],
    ["x".repeat(100_000), "ENAMETOOLONG"],
  ] as const) {
    expect(() => resolveModel(model)).toThrow(
      expect.objectContaining({
        code: "MODEL_NOT_FOUND",
        message: expect.stringContaining(`it cannot be read (${code})`) as string,
        cause: expect.objectContaining({ code }) as Error,
      }) as Error,
    );
  }
});

it("asks for the folder when it is given a file", () => {
  const file = path.join(folder, "model.safetensors");
  writeFileSync(file, "");
  expect(() => resolveModel(file)).toThrow(/that is a file; pass the folder/);
  expect(() => resolveModel(new URL("https://example.org/"))).toThrow(/only file: URLs/);
});

it.each([42, null, {}])("refuses %j", (model) => {
  expect(() => resolveModel(model as never)).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT" }) as Error,
  );
});

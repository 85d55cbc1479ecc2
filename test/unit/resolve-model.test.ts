import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";

import { resolveModel, unpacked } from "../../src/backends/resolve-model.js";
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

it("finds a model of the hub by its catalogue name or id, with the catalogue's commit and hashes", () => {
  const entry = catalog.find(({ name }) => name === "bge-small-en-v1.5");
  for (const name of ["bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"]) {
    expect(resolveModel(name)).toEqual({
      repository: "BAAI/bge-small-en-v1.5",
      revision: entry?.revision,
      pins: entry?.sha256,
    });
    // The hashes hold for that commit alone.
    expect(resolveModel(name, { revision: "main" })).toMatchObject({ revision: "main", pins: {} });
  }
  expect(resolveModel("org/name")).toEqual({ repository: "org/name", revision: undefined, pins: {} });
});

it("hands on the lengths a catalogue model was trained for, and never by a folder's name", () => {
  const matryoshkaDimensions = [768, 512, 256, 128, 64];
  for (const name of ["nomic-embed-text-v1.5", "nomic-ai/nomic-embed-text-v1.5"]) {
    expect(resolveModel(name)).toMatchObject({ matryoshkaDimensions });
  }
  const namesake = path.join(folder, "nomic-embed-text-v1.5");
  mkdirSync(namesake);
  expect(resolveModel(namesake)).not.toHaveProperty("matryoshkaDimensions");
});

it("takes a folder for a folder, though a hub could have a model of that name", () => {
  expect(resolveModel("test/unit")).toMatchObject({ folder: path.resolve("test/unit") });
  expect(() => resolveModel("./org/name")).toThrow(/there is no such folder/);
});

it("leaves the package for the hub where float32 or another commit is asked for", () => {
  const repository = "sentence-transformers/all-MiniLM-L6-v2";
  expect(resolveModel("all-MiniLM-L6-v2", { dtype: "float32" })).toMatchObject({
    repository,
    revision: catalog[0]?.revision,
    pins: catalog[0]?.sha256,
  });
  expect(resolveModel("all-MiniLM-L6-v2", { revision: "main" })).toMatchObject({ repository, pins: {} });
  expect(resolveModel("all-MiniLM-L6-v2", { dtype: "int8" })).toHaveProperty("folder");
});

it("finds a folder by absolute path, relative path, URL and its text", () => {
  const expected = { folder, modelId: path.basename(folder), revision: undefined };
  const url = pathToFileURL(folder);
  for (const model of [folder, path.relative(process.cwd(), folder), url, url.href, `${folder}/`]) {
    expect(resolveModel(model)).toEqual(expected);
  }
});

it.each([
  ["/opt/App/resources/app.asar/node_modules/m", "/opt/App/resources/app.asar.unpacked/node_modules/m"],
  ["C:\\App\\resources\\app.asar\\node_modules\\m", "C:\\App\\resources\\app.asar.unpacked\\node_modules\\m"],
  ["/r/app.asar.unpacked/node_modules/m", "/r/app.asar.unpacked/node_modules/m"],
  ["/r/my.asar-tools/node_modules/m", "/r/my.asar-tools/node_modules/m"],
])("takes a package of an Electron archive from beside it: %s", (folder, expected) => {
  expect(unpacked(folder, true)).toBe(expected);
  expect(unpacked(folder, false)).toBe(folder);
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

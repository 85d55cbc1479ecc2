import { createRequire } from "node:module";
import path from "node:path";
import { expect, it } from "vitest";

import * as imported from "candle-embed";
import { finished, root, startNode, tinyModel } from "./support.js";

const required = createRequire(import.meta.url)("candle-embed") as typeof imported;

it("import and require give the same classes", () => {
  expect(Object.keys(imported).sort()).toEqual(Object.keys(required).sort());
  expect(imported.NativeBackend).toBe(required.NativeBackend);
  expect(imported.CandleEmbedError).toBe(required.CandleEmbedError);
});

it("exports what is promised and nothing by accident", () => {
  expect(Object.keys(imported).sort()).toEqual([
    "ApiBackend",
    "CandleEmbedError",
    "Embeddings",
    "FallbackBackend",
    "NativeBackend",
    "apiWithLocalFallback",
    "backendFromEnv",
    "catalog",
    "cosineSimilarity",
    "dotProduct",
    "errorCodes",
    "topK",
  ]);
});

it("works from a program with import and from one with require", async () => {
  const use = `
    const backend = await NativeBackend.load(${JSON.stringify(tinyModel)});
    console.log((await backend.embed(["a", "b"])).count);
  `;
  const module = await finished(startNode(`import { NativeBackend } from "candle-embed"; ${use}`));
  expect(module).toMatchObject({ code: 0, stdout: "2\n", stderr: "" });
  const script = await finished(
    startNode(`
      import { createRequire } from "node:module";
      const { NativeBackend } = createRequire(${JSON.stringify(path.join(root, "x.js"))})("candle-embed"); ${use}
    `),
  );
  expect(script).toMatchObject({ code: 0, stdout: "2\n", stderr: "" });
});

it("can be loaded twice in one process, from two copies of the JavaScript", async () => {
  const copy = await finished(
    startNode(`
      import { createRequire } from "node:module";
      import { NativeBackend, CandleEmbedError } from "candle-embed";
      const require = createRequire(${JSON.stringify(path.join(root, "x.js"))});
      for (const file of Object.keys(require.cache)) delete require.cache[file];
      const again = require("candle-embed");
      const [a, b] = await Promise.all([NativeBackend.load(), again.NativeBackend.load()]);
      const [x, y] = await Promise.all([a.embed("same"), b.embed("same")]);
      const error = await b.embed(1).catch((reason) => reason);
      console.log(a instanceof again.NativeBackend, CandleEmbedError.isInstance(error), String(x.data) === String(y.data));
    `),
  );
  expect(copy).toMatchObject({ code: 0, stdout: "false true true\n", stderr: "" });
});

import { spawn } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { enginesFolder, makeOnnx, noEngines } from "../adapters/onnx-engines.js";
import { makeProject } from "../docs/project.js";
import { finished, root, temporaryFolder } from "../native/support.js";
import { runExample } from "./support.js";

it("from-openai: the client's vectors are the backend's", async () => {
  const result = await runExample("migration/from-openai.mjs");
  expect(result).toMatchObject({ code: 0, stdout: "5 vectors, 127 tokens\nleast cosine 1.0000\n" });
});

// Both get their models from the hub; here, the same weights are written as what lies there.
const weights = await getTestWeights();
const missing = noEngines ?? weights.reason;
describe.skipIf(missing !== undefined)(`beside the old engines ${missing ?? ""}`, () => {
  const folder = temporaryFolder();
  const model = path.join(folder, "Xenova/all-MiniLM-L6-v2");
  beforeAll(async () => {
    mkdirSync(path.dirname(model));
    await makeOnnx(weights.path as string, model);
  });

  it.each([
    ["from-transformers-js.mjs", [folder]],
    ["from-fastembed.mjs", [model, "all-MiniLM-L6-v2"]],
  ])("%s: both sides give the same vectors", async (program, args) => {
    const project = makeProject([enginesFolder()]);
    cpSync(path.join(root, "examples/migration"), path.join(project, "migration"), { recursive: true });
    const child = spawn(process.execPath, [path.join("migration", program), ...args], {
      cwd: project,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { code, stdout, stderr } = await finished(child);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const cosines = [...stdout.matchAll(/^least cosine (.+)$/gm)].map(([, least]) => Number(least));
    expect(cosines.length).toBe(stdout.trim().split("\n").length);
    for (const least of cosines) expect(least).toBeGreaterThan(0.998);
  });
});

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { makeProject } from "../docs/project.js";
import { finished, root, temporaryFolder } from "../native/support.js";
import { runExample } from "./support.js";

it("from-openai: the client's vectors are the backend's", async () => {
  const result = await runExample("migration/from-openai.mjs");
  expect(result).toMatchObject({ code: 0, stdout: "5 vectors, 127 tokens\nleast cosine 1.0000\n" });
});

// The peers are large, and their models come from the hub: `npm run bench` installs the ones and makes the others.
const peers = path.join(root, "benches/node_modules");
const models = path.join(root, ".cache/bench/models/minilm/onnx");
const cases = [
  { program: "from-transformers-js.mjs", peer: "@huggingface/transformers", model: "transformers-js" },
  { program: "from-fastembed.mjs", peer: "fastembed", model: "fastembed-js" },
];
for (const { program, peer, model } of cases) {
  const there = existsSync(path.join(peers, peer)) && existsSync(path.join(models, model));
  const note = there
    ? ""
    : ` (skipped: no ${peer} with a model in benches; npm run bench -- latency makes them)`;
  describe.skipIf(!there)(`${program}${note}`, () => {
    it("both sides give the same vectors", async () => {
      const project = makeProject([peers]);
      cpSync(path.join(root, "examples/migration"), path.join(project, "migration"), { recursive: true });
      const folder = temporaryFolder();
      mkdirSync(path.join(folder, "Xenova"));
      symlinkSync(path.join(models, model), path.join(folder, "Xenova/all-MiniLM-L6-v2"));
      const args =
        peer === "fastembed" ? [path.join(folder, "Xenova/all-MiniLM-L6-v2"), "all-MiniLM-L6-v2"] : [folder];
      const child = spawn(process.execPath, [path.join("migration", program), ...args], {
        cwd: project,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const { code, stdout, stderr } = await finished(child);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      for (const [, least] of stdout.matchAll(/least cosine (.+)/g))
        expect(Number(least)).toBeGreaterThan(0.998);
      expect(stdout).toContain("least cosine");
    });
  });
}

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

import { NativeBackend } from "candle-embed";
import { getRuntimes } from "../../scripts/get-runtimes.mjs";
import { fixtures, largestDifference, root, temporaryFolder } from "../native/support.js";
import { reason } from "./support.js";

const texts = ["How long does delivery take?", "Shipping takes three days.", "🙂"];

describe("other runtimes", async () => {
  const { bun, deno, reason: missing } = await getRuntimes();

  // A program of its own, as users have it: Bun would follow the paths in this repository's tsconfig.json.
  const consumer = temporaryFolder();
  mkdirSync(path.join(consumer, "node_modules"));
  symlinkSync(
    path.join(root, "node_modules/@candle-embed"),
    path.join(consumer, "node_modules/@candle-embed"),
  );
  writeFileSync(path.join(consumer, "package.json"), '{ "private": true }');
  cpSync(path.join(import.meta.dirname, "embed-and-print.mjs"), path.join(consumer, "program.mjs"));

  it.skipIf(missing !== undefined).each([
    ["Node", process.execPath, []],
    ["Bun", bun ?? "", ["run"]],
    ["Deno", deno ?? "", ["run", "--no-lock", "--allow-read", "--allow-env"]],
  ])(`%s: the vectors of the addon, a clean end${reason(missing)}`, async (_, program, args) => {
    for (const model of [undefined, path.join(fixtures, "tiny-mpnet")]) {
      const { stdout } = await promisify(execFile)(
        program,
        [...args, "program.mjs", JSON.stringify({ model, texts })],
        { cwd: consumer },
      );
      const { vectors, dtype } = JSON.parse(stdout) as { vectors: number[][]; dtype: string };
      await using native = await NativeBackend.load(model);
      const expected = await native.embed(texts);
      expect(dtype).toBe(native.dtype);
      for (const [index, vector] of vectors.entries()) {
        // int8: the activations' bytes may round the other way.
        const tolerance = dtype === "int8" ? 0.01 : 1e-5;
        expect(largestDifference(vector, expected.at(index))).toBeLessThan(tolerance);
      }
    }
  });
});

import { execFile } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

import { getRuntimes } from "../../scripts/get-runtimes.mjs";
import { loadForTests, root, temporaryFolder, tinyModel } from "./support.js";

describe("the addon in other runtimes", async () => {
  const { bun, deno, reason } = await getRuntimes();
  const consumer = temporaryFolder();
  mkdirSync(path.join(consumer, "node_modules"));
  symlinkSync(root, path.join(consumer, "node_modules/candle-embed"));
  writeFileSync(path.join(consumer, "package.json"), '{ "private": true }');
  writeFileSync(
    path.join(consumer, "program.mjs"),
    `import { NativeBackend } from "candle-embed";
    const model = await NativeBackend.load(${JSON.stringify(tinyModel)});
    console.log(JSON.stringify([...(await model.embedQuery("a text"))]));`,
  );
  // No more than an addon needs: with --allow-all nobody would notice what is looked at besides.
  const rights = ["--allow-read", "--allow-env", "--allow-ffi", "--allow-sys"];

  it.skipIf(reason !== undefined).each([
    ["Bun", bun ?? "", ["run"]],
    ["Deno", deno ?? "", ["run", "--no-lock", "--node-modules-dir=manual", ...rights]],
  ])(
    `%s: Node's vectors, a clean end${reason === undefined ? "" : ` (${reason})`}`,
    async (_, program, args) => {
      const { stdout } = await promisify(execFile)(program, [...args, "program.mjs"], { cwd: consumer });
      const node = await loadForTests(tinyModel);
      expect(JSON.parse(stdout)).toEqual([...(await node.embedQuery("a text"))]);
    },
  );
});

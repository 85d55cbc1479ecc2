// Each package by itself: what checkers say of it, its size, its scripts.
import path from "node:path";
import { readFileSync } from "node:fs";
import { publint } from "publint";

import { budgets } from "../../scripts/release/packages.mjs";
import { cell } from "./cells.mjs";
import { run } from "./process.mjs";
import { toolNode } from "./tools.mjs";

const columns = ["publint --strict", "arethetypeswrong", "unpacked size", "notices of licences"];

/** What installs and programs with types resolve by. Node's resolution before `exports` has no subpaths. */
const profiles = { main: "node16", wasm: "esm-only" };

/** @param {import("./project.mjs").Context} context */
export async function packagesSection({ tools, packed }) {
  const rows = [];
  for (const { name, kind, tarball, unpackedSize, files, binary } of packed) {
    const reason = binary ? undefined : "not built here";
    const checkSize = async () => {
      if (unpackedSize > budgets[kind]) throw new Error(`${unpackedSize} bytes, more than ${budgets[kind]}`);
      return `${(unpackedSize / 1e6).toFixed(2)} MB of ${budgets[kind] / 1e6}`;
    };
    const lint = async () => {
      const bytes = readFileSync(tarball);
      const pack = { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) };
      const { messages } = await publint({ pack, strict: true });
      if (messages.length > 0) throw new Error(JSON.stringify(messages));
    };
    const types = async () => {
      const attw = path.join(tools, "@arethetypeswrong/cli/dist/index.js");
      await run(toolNode(tools), [
        attw,
        tarball,
        "--profile",
        profiles[kind],
        "--format",
        "ascii",
        "--no-color",
      ]);
    };
    const notices = async () => {
      const wanted = kind === "model" ? ["LICENSE", "NOTICE"] : ["LICENSE", "THIRD-PARTY-NOTICES"];
      const missing = (kind === "main" ? ["LICENSE"] : wanted).filter((file) => !files.includes(file));
      if (missing.length > 0) throw new Error(`${missing.join(", ")} is not in it`);
    };
    rows.push({
      name: `\`${name}\``,
      cells: [
        await cell(lint, { reason }),
        await cell(types, {
          reason: reason ?? (profiles[kind] === undefined ? "it has no types" : undefined),
        }),
        await cell(checkSize, { reason }),
        await cell(notices),
      ],
    });
  }
  const note =
    "arethetypeswrong looks at resolution as of Node 16 (the main package) and of ES modules only (WebAssembly).";
  return { title: "Packages", note, columns, rows };
}

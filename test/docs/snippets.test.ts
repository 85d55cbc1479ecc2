import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

import { finished, root } from "../native/support.js";
import { makeProject } from "./project.js";
import { pages, snippetsOf, type Snippet } from "./support.js";

const snippets = pages.flatMap(snippetsOf);
const programs = snippets.filter(({ language }) => language === "ts");
const isBuilt = existsSync(path.join(root, "npm/wasm/dist/wasm/node.js"));

const nameOf = ({ page, line }: Snippet): string => `${page}:${String(line)}`;
const fileOf = (snippet: Snippet): string => `${nameOf(snippet).replace(/\W+/g, "-")}.ts`;

describe("what the pages show compiles against the built package", () => {
  const project = makeProject();
  const needsWasm = ({ code }: Snippet): boolean => code.includes('"@candle-embed/wasm"');
  const left = isBuilt ? [] : programs.filter(needsWasm);
  const checked = programs.filter((snippet) => !left.includes(snippet));
  for (const snippet of checked) writeFileSync(path.join(project, fileOf(snippet)), snippet.code);

  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
    typeRoots: [path.join(root, "node_modules/@types")],
  };
  const files = checked.map((snippet) => path.join(project, fileOf(snippet)));
  const program = ts.createProgram(files, options);
  const problems = ts.getPreEmitDiagnostics(program);

  it.each(checked.map((snippet) => [nameOf(snippet), snippet] as const))("%s", (_, snippet) => {
    const own = problems.filter(({ file }) => file?.fileName.endsWith(`/${fileOf(snippet)}`));
    expect(own.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  });
  it("nothing else is wrong", () => {
    expect(problems.filter(({ file }) => file === undefined)).toEqual([]);
  });
  if (left.length > 0) it.skip(`${left.map(nameOf).join(", ")}: npm/wasm is not built (npm run build:wasm)`);
});

describe("what the pages mark as runnable runs as it stands, and prints what they say", () => {
  const runnable = snippets.filter(({ mark }) => mark === "run");
  // The snippets of a page are one reader's, in one folder.
  const projects = new Map<string, string>();

  it.each(runnable.map((snippet) => [nameOf(snippet), snippet] as const))("%s", async (_, snippet) => {
    const project = projects.get(snippet.page) ?? makeProject();
    projects.set(snippet.page, project);
    const bin = path.join(project, "node_modules/.bin");
    let command = ["bash", "-euo", "pipefail", "-c", snippet.code];
    if (snippet.language === "ts") {
      const { outputText } = ts.transpileModule(snippet.code, {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      const file = path.join(project, fileOf(snippet).replace(/\.ts$/, ".mjs"));
      writeFileSync(file, outputText);
      command = [process.execPath, file];
    } else expect(snippet.language).toBe("sh");
    const child = spawn(command[0] as string, command.slice(1), {
      cwd: project,
      env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { code, stdout, stderr } = await finished(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) as string });
    if (snippet.output !== undefined) expect(stdout).toBe(snippet.output);
  });

  it("marks are spelled right", () => {
    expect(new Set(snippets.map(({ mark }) => mark))).toEqual(new Set(["", "run", "output"]));
    expect(runnable.length).toBeGreaterThan(8);
  });
});

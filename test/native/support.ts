import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";

import { NativeBackend, type NativeOptions } from "candle-embed";

export const root = path.resolve(import.meta.dirname, "../..");
export const fixtures = path.join(root, "test/fixtures");

/** A tiny BERT with random weights: loads and embeds in a few milliseconds. */
export const tinyModel = path.join(fixtures, "tiny-bert-mean");

/** Under valgrind (scripts/sanitize.sh) work takes 30 to 1,000 times as long: float32's fused operations are emulated one by one. */
export const underValgrind = process.env["CANDLE_EMBED_TEST_WORKER"] !== undefined;

export function readJson(...parts: string[]): unknown {
  return JSON.parse(readFileSync(path.join(...parts), "utf8"));
}

/** Loads a model for one test file. */
export async function loadForTests(model?: string, options?: NativeOptions): Promise<NativeBackend> {
  const backend = await NativeBackend.load(model, options);
  afterAll(() => backend.dispose());
  return backend;
}

/** The texts of the parity fixtures. */
export function readFixtureTexts(): { name: string; text: string }[] {
  const entries = readJson(fixtures, "texts.json") as { name: string; text: string; js?: string }[];
  // Lone surrogates are spelled as a JavaScript string: JSON files hold none.
  return entries.map(({ name, text, js }) => ({
    name,
    text: js === undefined ? text : (JSON.parse(js) as string),
  }));
}

/** The names of the tiny models that have expected vectors. */
export function tinyModelNames(): string[] {
  const suffix = ".expected.json";
  return readdirSync(fixtures)
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length));
}

/** A folder that is gone after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "candle-embed-test-"));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** A copy of the tiny model, to be damaged. */
export function copyOfTinyModel(parent: string, name: string): string {
  const folder = path.join(parent, name.replace(/\W+/g, "-"));
  cpSync(tinyModel, folder, { recursive: true });
  return folder;
}

/** Changes one JSON file of a model folder. */
export function editJson(
  folder: string,
  file: string,
  edit: (json: Record<string, unknown>) => unknown,
): void {
  const json = readJson(folder, file) as Record<string, unknown>;
  const edited = edit(json) ?? json;
  writeFileSync(path.join(folder, file), JSON.stringify(edited));
}

export interface TensorInfo {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Changes header and data of a folder's model.safetensors. */
export function editTensors(
  folder: string,
  edit: (header: Record<string, TensorInfo>, data: Buffer) => void,
): void {
  const file = path.join(folder, "model.safetensors");
  const bytes = readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength)) as Record<string, TensorInfo>;
  const data = bytes.subarray(8 + headerLength);
  edit(header, data);
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([length, text, data]));
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    // NaN would pass every comparison with "greater".
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Waits for a child to end and collects what it printed. */
export async function finished(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** Starts Node in the repository's root on a program that may import the package by its name. */
export function startNode(program: string, args: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, ["--input-type=module", "--eval", program, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

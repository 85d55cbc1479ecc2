import { constants } from "node:fs";
import { access, writeFile } from "node:fs/promises";
import path from "node:path";

import { NativeBackend } from "../../../backends/native-backend.js";
import { CandleEmbedError } from "../../../errors.js";
import type { EmbeddingBackend } from "../../../embedding-backend.js";
import { UsageError, type Context } from "../../command.js";
import { toMarkdownTable } from "../../markdown-table.js";
import { loadModel, sourceOptions, toSourceOptions } from "../../model-options.js";
import { findOutput } from "../../output.js";
import { type parse, parseChoice, parseFilled, parseThreads } from "../../parse.js";
import { toTable } from "../../table.js";
import { write } from "../../write.js";

/** The options of every part of `bench`, for `parse`. */
export const benchOptions = {
  dtype: { type: "string", values: ["float32", "int8", "float32,int8"] },
  json: { type: "boolean" },
  markdown: { type: "boolean" },
  save: { type: "string", values: "file" },
  threads: { type: "string" },
  ...sourceOptions,
} as const;

export type BenchValues = ReturnType<typeof parse<typeof benchOptions>>["values"];

/** The words of a list with commas, or `undefined` where it is not given. */
export function parseList<Choice extends string>(
  name: string,
  value: string | undefined,
  choices?: readonly Choice[],
): Choice[] | undefined {
  const words = parseFilled(name, value)
    ?.split(",")
    .map((word) => word.trim());
  if (words === undefined) return undefined;
  if (words.includes("")) throw new UsageError(`--${name} has nothing between two commas`);
  return choices === undefined
    ? (words as Choice[])
    : words.map((word) => parseChoice(name, word, choices) as Choice);
}

export const dtypes = ["float32", "int8"] as const;

/** Complains of a wrong value before anything is fetched or measured. */
export async function checkValues(values: BenchValues): Promise<void> {
  if (values.json === true && values.markdown === true)
    throw new UsageError("--json or --markdown, not both");
  parseList("dtype", values.dtype, dtypes);
  parseThreads(values.threads);
  toSourceOptions(values);
  await checkResultFile("save", values.save);
}

/**
 * The file for what will have been measured, which took its time: refused before it is, where nothing can be written there.
 *
 * @param name What the option says.
 */
export async function checkResultFile(
  option: "save" | "plot",
  name: string | undefined,
): Promise<string | undefined> {
  if (parseFilled(option, name) === undefined || name === undefined) return undefined;
  if (name === "-") throw new UsageError(`--${option} must name a file: --json prints all figures`);
  const found = await findOutput(name, false, option);
  // A pipe or device is there, and told what it is told.
  if (found === undefined) return name;
  const { target, mode } = found;
  await access(mode === undefined ? path.dirname(target) : target, constants.W_OK).catch((cause: unknown) => {
    const message = `--${option}: ${target} cannot be written: ${(cause as Error).message}`;
    throw new CandleEmbedError("INVALID_INPUT", message, { cause });
  });
  return target;
}

/** A model of the command line, while it is measured. */
export interface LoadedModel {
  readonly backend: EmbeddingBackend;
  /** Tells models and their arithmetic apart. */
  readonly name: string;
  readonly loadMs: number;
}

/** Loads each model in each arithmetic that is asked for, one after the other, and hands it to `use`. */
export async function forEachModel(
  models: readonly string[],
  values: BenchValues,
  context: Context,
  use: (model: LoadedModel) => Promise<void>,
): Promise<void> {
  const wanted = parseList("dtype", values.dtype, dtypes) ?? [undefined];
  for (const model of models.length === 0 ? [undefined] : models) {
    for (const dtype of wanted) {
      const start = performance.now();
      const backend = await loadModel({ ...values, model, dtype }, context);
      const loadMs = performance.now() - start;
      try {
        await use({ backend, name: nameOf(backend), loadMs });
      } finally {
        await backend.dispose();
      }
    }
  }
}

function nameOf(backend: EmbeddingBackend): string {
  const model = backend.modelId.split(/[/\\]/).at(-1) ?? "";
  return backend instanceof NativeBackend ? `${model} ${backend.dtype}` : model;
}

/** Rows of cells as a table. */
export function formatTable(
  format: "text" | "markdown",
  head: readonly string[],
  rows: readonly (readonly string[])[],
  names = 1,
): string {
  return format === "markdown" ? toMarkdownTable(head, rows, names) : toTable(head, rows);
}

/** Prints what was measured in the format that was asked for, and saves it where `--save` says. */
export async function report(
  results: unknown,
  { json, markdown, save }: Pick<BenchValues, "json" | "markdown" | "save">,
  toText: (format: "text" | "markdown") => string,
  { stdout }: Pick<Context, "stdout">,
): Promise<void> {
  const figures = `${JSON.stringify(results, null, 2)}\n`;
  // First what cannot fail for want of room.
  await write(stdout, json === true ? figures : toText(markdown === true ? "markdown" : "text"));
  if (save !== undefined) await writeFile(save, figures);
}

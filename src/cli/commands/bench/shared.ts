import { writeFile } from "node:fs/promises";

import { NativeBackend } from "../../../backends/native-backend.js";
import type { EmbeddingBackend } from "../../../embedding-backend.js";
import { UsageError, type Context } from "../../command.js";
import { toMarkdownTable } from "../../markdown-table.js";
import { loadModel, sourceOptions, toSourceOptions } from "../../model-options.js";
import { type parse, parseChoice, parseCount, parseFilled } from "../../parse.js";
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
export function checkValues(values: BenchValues): void {
  if (values.json === true && values.markdown === true)
    throw new UsageError("--json or --markdown, not both");
  parseList("dtype", values.dtype, dtypes);
  parseCount("threads", values.threads);
  toSourceOptions(values);
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
  const file = parseFilled("save", save);
  if (file !== undefined) await writeFile(file, figures);
  await write(stdout, json === true ? figures : toText(markdown === true ? "markdown" : "text"));
}

import path from "node:path";

import { tableFormats, type TableFormat } from "../../bulk/tables/table.js";
import { streamFormats, type StreamFormat } from "../../bulk/writers/vector-writer.js";
import type { EmbedOptions } from "../../embedding-backend.js";
import { UsageError, type Context } from "../command.js";
import { findFile, findOutput, outputName, type TargetFile } from "../output.js";
import { parseChoice, parseFilled } from "../parse.js";
import { checkFiles } from "./check-files.js";
import { outputFormats, type EmbedValues, type OutputFormat } from "./options.js";

/** Where the vectors go, and how. */
export interface ChosenOutput {
  readonly format: OutputFormat;
  /** A file that appears when it is complete; absent for standard output, a pipe or a device. */
  readonly file: TargetFile | undefined;
  /** What `--output` says; absent for standard output. */
  readonly name: string | undefined;
  /** Where lines that cannot be used go; absent: they end the run. */
  readonly errors: string | undefined;
  /** The file of known vectors. */
  readonly cache: string | undefined;
}

export async function chooseOutput(
  values: EmbedValues,
  { outputType }: EmbedOptions,
  fromArguments: boolean,
  { stdout }: Context,
): Promise<ChosenOutput> {
  const name = outputName(values.output);
  const format = parseChoice("format", values.format, outputFormats) ?? formatOf(name) ?? "json";
  if (format === "f32" && outputType !== undefined && outputType !== "float32") {
    throw new UsageError(`f32 holds float32 numbers: write ${outputType} with --format npy`);
  }
  if ((format === "npy" || format === "f32") && name === undefined && stdout.isTTY) {
    throw new UsageError(`${format} is binary: write it with --output FILE, or into a pipe`);
  }
  const file = name === undefined ? undefined : await findOutput(name, format === "lance");
  if (name === undefined && isTable(format)) {
    throw new UsageError(`${format} is written to a file: pass --output FILE`);
  }
  const collect = values.strict !== true && !fromArguments;
  const beside = file && `${file.target}.errors.jsonl`;
  const errors = collect ? ((await fileOf("errors", values)) ?? beside) : undefined;
  const cache = await fileOf("cache", values);
  await checkFiles({ input: values.file, output: file?.target, errors, cache });
  return { format, file, name, errors, cache };
}

async function fileOf(option: "errors" | "cache", values: EmbedValues): Promise<string | undefined> {
  const name = parseFilled(option, values[option]);
  return name === undefined ? undefined : (await findFile(option, name)).target;
}

export function isTable(format: OutputFormat): format is TableFormat {
  return (tableFormats as readonly string[]).includes(format);
}

const extensions: Readonly<Record<string, OutputFormat>> = {
  ...Object.fromEntries([...streamFormats, ...tableFormats].map((format) => [`.${format}`, format])),
  ".ndjson": "jsonl",
  ".txt": "text",
  ".feather": "arrow",
} satisfies Record<string, OutputFormat | StreamFormat>;

function formatOf(name: string | undefined): OutputFormat | undefined {
  return name === undefined ? undefined : extensions[path.extname(name).toLowerCase()];
}

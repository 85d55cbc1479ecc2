import type { EmbeddingBackend, EmbedOptions } from "../../embedding-backend.js";
import { UsageError, type Command, type Context } from "../command.js";
import { chooseInput } from "../embed/choose-input.js";
import { chooseOutput } from "../embed/choose-output.js";
import { embedHelp, embedOptions, type EmbedValues } from "../embed/options.js";
import { runEmbed } from "../embed/run-embed.js";
import { loadModel } from "../model-options.js";
import { parse, parseChoice, parseCount } from "../parse.js";

/** `candle-embed embed` */
export const embed: Command = {
  help: embedHelp,
  options: embedOptions,
  run,
};

async function run(args: readonly string[], context: Context): Promise<void> {
  const { texts, values } = parseInput(args);
  const call: EmbedOptions = {
    inputType: values.query === true ? "query" : "document",
    dimensions: parseCount("dimensions", values.dimensions),
    cutWithoutMatryoshka: values["cut-without-matryoshka"],
    outputType: parseChoice("output-type", values["output-type"], embedOptions["output-type"].values),
    truncate: parseChoice("truncate", values.truncate, embedOptions.truncate.values),
    signal: context.signal,
  };
  const output = await chooseOutput(values, call, texts.length > 0, context);
  const input = chooseInput(texts, values, context);
  const backend = await load(values, context);
  try {
    await runEmbed({ backend, call, input, output, values, context });
  } finally {
    await backend.dispose();
  }
}

/** A lone `-` is `--file -`, standard input, unless it stands behind `--`. */
function parseInput(args: readonly string[]): { texts: readonly string[]; values: EmbedValues } {
  const { values, positionals } = parse(args, embedOptions);
  const isDash = positionals.length === 1 && positionals[0] === "-" && !args.includes("--");
  if (!isDash || values.file !== undefined) return { texts: positionals, values };
  return { texts: [], values: { ...values, file: "-" } };
}

async function load(values: EmbedValues, context: Context): Promise<EmbeddingBackend> {
  if (values.strict === true && values.errors !== undefined) {
    throw new UsageError("--strict stops at the first bad line, and --errors collects them: pass one");
  }
  return loadModel(values, context);
}

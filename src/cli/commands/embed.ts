import type { EmbeddingBackend, EmbedOptions, OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import { CandleEmbedError } from "../../errors.js";
import { inBatches } from "../../utils/in-batches.js";
import { UsageError, type Command, type Context } from "../command.js";
import { createWriter, formats, type EmbeddingWriter } from "../formats/embedding-writer.js";
import { loadModel, modelOptions, modelOptionsHelp } from "../model-options.js";
import { openOutput } from "../output.js";
import { parse, parseChoice, parseCount } from "../parse.js";
import { fromArguments, fromFile, fromStdin, type InputText } from "../read-texts.js";
import { write } from "../write.js";

const help = `Usage: candle-embed embed [options] [TEXT...]

Prints the vector of each text. Without TEXT and --file the texts come from standard input, one a line; an empty line
is the empty text. Input of any length is worked through in constant memory (npy to a pipe excepted).

Options:
      --file FILE          read the texts from FILE
      --input FORMAT       lines (one text a line) or jsonl (objects with a field "text", and "id" if you like);
                           default: jsonl for a FILE that ends in .jsonl, else lines
      --query              the texts are search queries (models with prompts tell them from documents)
      --dimensions N       keep the first N dimensions (models trained for it: Matryoshka)
      --cut-without-matryoshka
                           let --dimensions cut any model, at the price of what the vectors mean
      --output-type TYPE   float32 (default), int8, uint8, binary or ubinary
      --truncate HOW       end (default), start or error: what happens to texts the model cannot read whole
      --format FORMAT      json (default), jsonl, npy or text (one vector a line)
  -o, --output FILE        write to FILE, which appears when it is complete (a pipe or device is written to as it is)
${modelOptionsHelp}

Examples:
  candle-embed embed "a text" "another text"
  candle-embed embed --file texts.jsonl --format jsonl > vectors.jsonl
  cat texts.txt | candle-embed embed --format npy --output vectors.npy
  candle-embed embed --query --dimensions 256 --model nomic-embed-text-v1.5 "how long is a cable"`;

const options = {
  ...modelOptions,
  file: { type: "string", values: "file" },
  input: { type: "string", values: ["lines", "jsonl"] },
  query: { type: "boolean" },
  dimensions: { type: "string" },
  "cut-without-matryoshka": { type: "boolean" },
  "output-type": { type: "string", values: ["float32", "int8", "uint8", "binary", "ubinary"] },
  truncate: { type: "string", values: ["end", "start", "error"] },
  format: { type: "string", values: formats },
  output: { type: "string", short: "o", values: "file" },
} as const;

/** `candle-embed embed` */
export const embed: Command = { summary: "print the vectors of texts", help, options, run };

async function run(args: readonly string[], context: Context): Promise<void> {
  const { values, positionals } = parse(args, options);
  const embedOptions: EmbedOptions = {
    inputType: values.query === true ? "query" : "document",
    dimensions: parseCount("dimensions", values.dimensions),
    cutWithoutMatryoshka: values["cut-without-matryoshka"],
    outputType: parseChoice("output-type", values["output-type"], options["output-type"].values),
    truncate: parseChoice("truncate", values.truncate, options.truncate.values),
    signal: context.signal,
  };
  const format = parseChoice("format", values.format, formats) ?? "json";
  if (format === "npy" && values.output === undefined && context.stdout.isTTY) {
    throw new UsageError("npy is binary: write it with --output FILE, or into a pipe");
  }
  const texts = chooseInput(positionals, values, context);
  const backend = await loadModel(values, context);
  try {
    // Says what the vectors are even where there are none, and refuses wrong options before any input is read.
    const noTexts = await backend.embed([], embedOptions);
    const output = await openOutput(values.output, context);
    try {
      await embedAll(backend, texts, embedOptions, createWriter(format, output, noTexts), context);
      await output.commit();
    } catch (error) {
      await output.discard();
      throw error;
    }
  } finally {
    await backend.dispose();
  }
}

function chooseInput(
  texts: readonly string[],
  { file, input }: { file?: string | undefined; input?: string | undefined },
  { stdin, signal }: Context,
): Iterable<InputText> | AsyncIterable<InputText> {
  const format = parseChoice("input", input, options.input.values);
  if (texts.length > 0) {
    if (file !== undefined) throw new UsageError("pass TEXT or --file, not both");
    return fromArguments(texts);
  }
  if (file !== undefined) {
    return fromFile(file, format ?? (file.endsWith(".jsonl") ? "jsonl" : "lines"), signal);
  }
  if (stdin.isTTY) throw new UsageError("nothing to embed: pass TEXT, --file or a pipe");
  return fromStdin(stdin, format ?? "lines", signal);
}

async function embedAll(
  backend: EmbeddingBackend,
  texts: Iterable<InputText> | AsyncIterable<InputText>,
  embedOptions: EmbedOptions,
  writer: EmbeddingWriter,
  { stderr }: Context,
): Promise<void> {
  let cut = 0;
  for await (const batch of inBatches(texts, ({ text }) => text)) {
    const embeddings = await embedBatch(backend, batch, embedOptions);
    cut += embeddings.truncated.length;
    await writer.write(batch, embeddings);
  }
  await writer.end();
  if (cut > 0) {
    const limit = String(backend.maxTokens);
    await write(
      stderr,
      `candle-embed: ${String(cut)} of the texts had more than ${limit} tokens and were cut\n`,
    );
  }
}

async function embedBatch(
  backend: EmbeddingBackend,
  batch: readonly InputText[],
  embedOptions: EmbedOptions,
): Promise<Embeddings<OutputVector>> {
  try {
    return await backend.embed(
      batch.map(({ text }) => text),
      embedOptions,
    );
  } catch (error) {
    const { code, index, tokens, limit } = CandleEmbedError.isInstance(error) ? error : {};
    if (code !== "INPUT_TOO_LONG" || index === undefined) throw error;
    // The engine counts within its batch, the user over the whole input.
    const text = String(batch[index]?.index);
    throw new CandleEmbedError(
      code,
      `text ${text} (counted from 0) has ${String(tokens)} tokens, the model reads ${String(limit)}`,
      { cause: error },
    );
  }
}

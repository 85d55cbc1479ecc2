import { chunkText, type Chunk } from "../../chunking/chunk-text.js";
import { documentFormats } from "../../chunking/blocks.js";
import { resolveSizes } from "../../chunking/chunk-options.js";
import { asUsage } from "../as-usage.js";
import { loadTokenizer } from "../load-tokenizer.js";
import { UsageError, type Command, type Context } from "../command.js";
import { modelOptions, modelOptionsHelp } from "../model-options.js";
import { findOutput, outputName, withOutput } from "../output.js";
import { parse, parseChoice, parseCount, parseWhole } from "../parse.js";
import { documentsHelp, isAmong, nameOf, readDocuments, type SourceDocument } from "../read-documents.js";
import { printable } from "../printable.js";
import { columnsOf, wrap } from "../wrap.js";

const help = `Usage: candle-embed chunk [options] [PATH...]

Cuts documents into chunks of at most N tokens of a model, counted as the model will read them, special tokens and
prompt included: as many whole paragraphs as fit; of a paragraph that does not fit, as many sentences; then lines,
words, characters. In Markdown no chunk goes on across a heading. A chunk is text.slice(start, end) of its document,
in UTF-16 units.

${documentsHelp} Without PATH the document comes from standard input.

Options:
  -n, --tokens N           most tokens of a chunk (default: what the model reads, 512 at most)
      --overlap M          tokens that a chunk repeats of the one before, at most, in whole sentences where one fits
                           (default: 0)
      --input FORMAT       text, markdown, code or jsonl (default: what a file's ending says, else text)
      --headings           leave room for the headings above a chunk, to be embedded with it
      --json               print one array of { id, source, record, index, start, end, line, heading, tokens, text };
                           record is the id of a line of JSONL
      --jsonl              print an object a line, as "candle-embed embed --input jsonl" reads them
  -o, --output FILE        write to FILE, which appears when it is complete (-: standard output)
${modelOptionsHelp}

Examples:
  candle-embed chunk --tokens 128 README.md
  candle-embed chunk --tokens 256 --overlap 32 --jsonl docs/*.md > chunks.jsonl
  candle-embed chunk --jsonl corpus.jsonl | candle-embed embed --input jsonl --format jsonl > vectors.jsonl
  pandoc report.docx -t markdown | candle-embed chunk --input markdown --json`;

const options = {
  ...modelOptions,
  tokens: { type: "string", short: "n" },
  overlap: { type: "string" },
  input: { type: "string", values: [...documentFormats, "jsonl"] },
  headings: { type: "boolean" },
  json: { type: "boolean" },
  jsonl: { type: "boolean" },
  output: { type: "string", short: "o", values: "file" },
} as const;

/** `candle-embed chunk` */
export const chunk: Command = {
  help,
  options,
  operands: "file",
  run,
};

async function run(args: readonly string[], context: Context): Promise<void> {
  const { values, positionals } = parse(args, options);
  const input = parseChoice("input", values.input, options.input.values);
  if (values.json === true && values.jsonl === true) throw new UsageError("pass --json or --jsonl, not both");
  if (positionals.length === 0 && context.stdin.isTTY)
    throw new UsageError("nothing to cut: pass PATH or a pipe");
  const paths = positionals.length === 0 ? ["-"] : positionals;
  await refuseReplacing(paths, outputName(values.output));
  const chunkOptions = {
    tokens: parseCount("tokens", values.tokens),
    overlap: parseWhole("overlap", values.overlap),
    withHeadings: values.headings,
    signal: context.signal,
  };
  const columns = values.output === undefined ? columnsOf(context.stdout) : Infinity;
  const asWrapped = (record: ChunkRecord, printed: number): string => asText(record, printed, columns);
  const print = values.json === true ? asArray : values.jsonl === true ? asLine : asWrapped;
  const tokenizer = await loadTokenizer(values, context);
  try {
    asUsage(() => resolveSizes(chunkOptions, tokenizer.maxTokens), { tokens: "tokens", overlap: "overlap" });
    await withOutput(values.output, context, async (output) => {
      let printed = 0;
      const { stdin, signal } = context;
      for await (const document of readDocuments(paths, { input, stdin, signal })) {
        let index = 0;
        for await (const each of chunkText(tokenizer, document.text, {
          ...chunkOptions,
          format: document.format,
        })) {
          await output.write(print(toRecord(document, each, index++), printed++));
        }
      }
      if (values.json === true) await output.write(printed === 0 ? "[]\n" : "\n]\n");
    });
  } finally {
    await tokenizer.dispose();
  }
}

/** The chunks must not take the place of a document. */
async function refuseReplacing(paths: readonly string[], name: string | undefined): Promise<void> {
  const output = name === undefined ? undefined : await findOutput(name, false);
  // Without a mode it is not there yet.
  if (output?.mode === undefined || !(await isAmong(output.target, paths))) return;
  throw new UsageError(`--output is ${output.target}, one of the documents: its chunks would take its place`);
}

type ChunkRecord = ReturnType<typeof toRecord>;

function toRecord(document: SourceDocument, chunk: Chunk, index: number) {
  const { text, start, end, line, heading, tokens } = chunk;
  const source = nameOf(document);
  return {
    id: `${source}#${String(index)}`,
    source,
    record: document.record,
    index,
    start,
    end,
    line,
    heading,
    tokens,
    text,
  };
}

function asArray(record: ChunkRecord, printed: number): string {
  return `${printed === 0 ? "[\n" : ",\n"}${JSON.stringify(record)}`;
}

function asLine(record: ChunkRecord): string {
  return `${JSON.stringify(record)}\n`;
}

function asText(
  { source, line, heading, tokens, text }: ChunkRecord,
  printed: number,
  columns: number,
): string {
  const title = heading === "" ? "" : `  ${heading}`;
  const head = printable(`${source}:${String(line)}  ${String(tokens)} tokens${title}`).replaceAll("\n", " ");
  const lines = printable(text)
    .split("\n")
    .flatMap((each) => wrap(each, columns - 4));
  return `${printed === 0 ? "" : "\n"}${head}\n${lines.map((each) => `    ${each}\n`).join("")}`;
}

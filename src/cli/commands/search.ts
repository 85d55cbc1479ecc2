import path from "node:path";

import { CandleEmbedError } from "../../errors.js";
import { PassageIndex } from "../../retrieval/passage-index.js";
import { defaultPassageTokens } from "../../retrieval/passage.js";
import { searchDocuments, type FoundPassage } from "../../retrieval/search-documents.js";
import { UsageError, type Command, type Context } from "../command.js";
import { LeftOut } from "../left-out.js";
import { passageTokens, tokenizerFor } from "../load-tokenizer.js";
import { loadModel, modelOptions, modelOptionsHelp } from "../model-options.js";
import { parse, parseCount, parseFilled } from "../parse.js";
import { printable } from "../printable.js";
import { documentsHelp, nameOf, readDocuments } from "../read-documents.js";
import { idOf } from "../record-names.js";
import { counted, StatusLine } from "../status-line.js";
import { styleFor, type Style } from "../style.js";
import { columnsOf, wrap } from "../wrap.js";
import { write } from "../write.js";

const help = `Usage: candle-embed search [options] QUESTION [PATH...]
       candle-embed search [options] --index DIR QUESTION

Finds the passages that answer QUESTION: in documents, which are read and embedded for it (default: the current
folder), or in an index that "candle-embed index" made, which takes milliseconds.

${documentsHelp}

Options:
  -i, --index DIR          search this index; its model is taken unless you name one
      --top K              how many passages (default: 5)
      --tokens N           most tokens of a passage, without --index (default: ${String(defaultPassageTokens)})
      --json               print an array of { score, file, record, line, start, end, heading, text }
${modelOptionsHelp}

Examples:
  candle-embed search "how do I abort a call"
  candle-embed search --top 3 "what did we decide about backups" ~/notes
  candle-embed index --index notes.index ~/notes && candle-embed search --index notes.index "backups"`;

const options = {
  ...modelOptions,
  index: { type: "string", short: "i", values: "folder" },
  top: { type: "string" },
  tokens: { type: "string" },
  json: { type: "boolean" },
} as const;

/** `candle-embed search` */
export const search: Command = {
  help,
  options,
  operands: "file",
  run,
};

async function run(args: readonly string[], context: Context): Promise<void> {
  const { values, positionals } = parse(args, options);
  const [question, ...paths] = positionals;
  if (question === undefined) throw new UsageError("search needs a question; put it in quotation marks");
  const folder = parseFilled("index", values.index);
  const count = parseCount("top", values.top) ?? 5;
  if (folder !== undefined && paths.length > 0) throw new UsageError("pass --index or PATH, not both");
  if (folder !== undefined && values.tokens !== undefined) {
    throw new UsageError("--tokens is for documents; an index has the passages it was made with");
  }
  const places = paths.length === 0 ? ["."] : paths;
  const leftOut = new LeftOut();
  const found =
    folder === undefined
      ? await searchPaths(question, places, count, values, leftOut, context)
      : await searchIndex(question, folder, count, values, context);
  const { stdout, stderr } = context;
  if (values.json === true) {
    await write(stdout, `${JSON.stringify(found.map(toRecord), null, 2)}\n`);
  } else if (found.length === 0) {
    await write(stdout, `no passages in ${folder ?? places.join(", ")}\n`);
  } else {
    const [style, columns] = [styleFor(stdout), columnsOf(stdout)];
    await write(stdout, found.map((each) => toText(each, style, columns)).join("\n"));
  }
  await leftOut.tellUnreadable(stderr);
}

type Values = ReturnType<typeof parse<typeof options>>["values"];

async function searchPaths(
  question: string,
  paths: readonly string[],
  count: number,
  values: Values,
  leftOut: LeftOut,
  context: Context,
): Promise<FoundPassage[]> {
  const { signal, stdin, stderr } = context;
  const wanted = parseCount("tokens", values.tokens);
  const backend = await loadModel(values, context);
  try {
    const tokenizer = await tokenizerFor(backend, signal);
    const tokens = passageTokens(wanted, tokenizer);
    const { onSkipped, onUnreadable } = leftOut;
    const status = new StatusLine(stderr);
    const documents = async function* () {
      for await (const document of readDocuments(paths, { stdin, signal, onSkipped, onUnreadable })) {
        yield { ...document, name: nameOf(document) };
      }
    };
    const found = await searchDocuments(documents(), question, {
      backend,
      tokenizer,
      tokens,
      count,
      signal,
      onProgress: (done) => {
        const read = counted(done.documents, "document");
        status.show(`${read} read, ${counted(done.passages, "passage")} embedded`);
      },
    }).finally(() => {
      status.clear();
    });
    const { skipped } = leftOut;
    if (skipped > 0) await write(stderr, `candle-embed: ${String(skipped)} left out: not UTF-8 text\n`);
    return found;
  } finally {
    await backend.dispose();
  }
}

async function searchIndex(
  question: string,
  folder: string,
  count: number,
  values: Values,
  context: Context,
): Promise<FoundPassage[]> {
  const { signal } = context;
  const index = await PassageIndex.open(folder);
  if (index === undefined) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `there is no index in ${folder}: "candle-embed index" makes one`,
    );
  }
  try {
    const model = values.model ?? index.description.model;
    const backend = await loadModel({ ...values, model }, context);
    try {
      index.checkSpace(backend);
      return await index.search(await backend.embedQuery(question, { signal }), count);
    } finally {
      await backend.dispose();
    }
  } finally {
    index.close();
  }
}

function toRecord({ score, name, line, start, end, heading, text }: FoundPassage) {
  const mark = name.indexOf(".jsonl#");
  const [file, record] = mark === -1 ? [name] : [name.slice(0, mark + 6), idOf(name.slice(mark + 7))];
  return { score, file, record, line, start, end, heading, text };
}

/** More of a passage is in its file; the first lines say whether it is the right one. */
const shownLines = 8;

function toText({ score, name, line, heading, text }: FoundPassage, style: Style, columns: number): string {
  const place = `${path.isAbsolute(name) ? nearest(name) : name}:${String(line)}`;
  const title = heading === "" ? "" : `  ${heading}`;
  const lines = printable(text).split("\n");
  const shown = lines.length > shownLines ? [...lines.slice(0, shownLines), "..."] : lines;
  const head = printable(place).replaceAll("\n", " ");
  return (
    `${style.green(score.toFixed(3))}  ${style.bold(head)}${style.dim(printable(title).replaceAll("\n", " "))}\n` +
    shown
      .flatMap((each) => wrap(each, columns - 4))
      .map((each) => `    ${each}\n`)
      .join("")
  );
}

/** From here, where that is shorter. */
function nearest(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.length < file.length ? relative : file;
}

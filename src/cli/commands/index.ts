import path from "node:path";

import { CandleEmbedError } from "../../errors.js";
import { PassageIndex } from "../../retrieval/passage-index.js";
import { defaultPassageTokens } from "../../retrieval/passage.js";
import { updateIndex, type UpdateReport } from "../../retrieval/update-index.js";
import { UsageError, type Command, type Context } from "../command.js";
import { LeftOut } from "../left-out.js";
import { passageTokens, tokenizerFor } from "../load-tokenizer.js";
import { loadModel, modelOptions, modelOptionsHelp } from "../model-options.js";
import { parse, parseCount, parseFilled } from "../parse.js";
import { documentsHelp, isBelow, nameOf, readDocuments } from "../read-documents.js";
import { counted, StatusLine } from "../status-line.js";
import { write } from "../write.js";

const help = `Usage: candle-embed index [options] --index DIR PATH...

Makes an index of documents for "candle-embed search --index DIR", or brings one up to date: what did not change is
left as it is, what changed is embedded where its text is new, renamed and moved documents are recognised by their
text, and documents that have gone from PATH leave the index. What is there and cannot be read is named, with exit code
1, and the index keeps what it has of it. A run that was stopped, at whatever moment, leaves a whole index; the next
one goes on from there.

${documentsHelp}

The index is a folder of LanceDB's, which you install beside this package:
npm install @lancedb/lancedb@0.30 apache-arrow@18

Options:
  -i, --index DIR          the index
      --tokens N           most tokens of a passage, headings above it included (default: ${String(defaultPassageTokens)}; fixed when the
                           index is made, as the model is)
      --json               print { documents, passages, added, changed, unchanged, removed, embedded, reused, skipped,
                           unreadable }
${modelOptionsHelp}

Examples:
  candle-embed index --index notes.index ~/notes
  candle-embed index --index support.index --model bge-small-en-v1.5 tickets.jsonl docs/
  candle-embed search --index notes.index "what did we decide about backups"`;

const options = {
  ...modelOptions,
  index: { type: "string", short: "i", values: "folder" },
  tokens: { type: "string" },
  json: { type: "boolean" },
} as const;

/** `candle-embed index` */
export const index: Command = {
  help,
  options,
  operands: "file",
  run,
};

async function run(args: readonly string[], context: Context): Promise<void> {
  const { values, positionals: paths } = parse(args, options);
  const folder = parseFilled("index", values.index);
  if (folder === undefined) throw new UsageError("index needs --index DIR, the folder to keep it in");
  if (paths.length === 0) throw new UsageError("index needs a PATH: documents or folders of them");
  const tokens = parseCount("tokens", values.tokens);
  const { signal, stdin, stdout, stderr } = context;
  const existing = await PassageIndex.open(folder);
  const status = new StatusLine(stderr);
  let opened = existing;
  try {
    checkTokens(existing, tokens, folder);
    const model = values.model ?? existing?.description.model;
    const backend = await loadModel({ ...values, model }, context);
    try {
      existing?.checkSpace(backend);
      const tokenizer = await tokenizerFor(backend, signal);
      opened ??= await PassageIndex.create(folder, {
        model: nameOfModel(model),
        modelId: backend.modelId,
        spaceId: backend.space.id,
        dimensions: backend.dimensions,
        tokens: passageTokens(tokens, tokenizer),
      });
      const roots = paths.map((each) => (each === "-" ? each : path.resolve(each)));
      const leftOut = new LeftOut();
      const { onSkipped, onUnreadable } = leftOut;
      const documents = async function* () {
        for await (const document of readDocuments(roots, { stdin, signal, onSkipped, onUnreadable })) {
          yield { ...document, name: nameOf(document) };
        }
      };
      const report = await updateIndex(opened, documents(), {
        backend,
        tokenizer,
        signal,
        isGone: (name) => roots.some((root) => isBelow(name, root)) && !leftOut.hides(name),
        onProgress: (soFar) => {
          status.show(describeProgress(soFar));
        },
      });
      status.clear();
      const { documents: indexed, passages } = await opened.contents();
      const { skipped, unreadable } = leftOut;
      const result = { documents: indexed.size, passages, ...report, skipped, unreadable };
      await write(
        stdout,
        values.json === true ? `${JSON.stringify(result, null, 2)}\n` : toText(folder, result),
      );
      await leftOut.tellUnreadable(stderr);
    } finally {
      status.clear();
      await backend.dispose();
    }
  } finally {
    opened?.close();
  }
}

function checkTokens(existing: PassageIndex | undefined, tokens: number | undefined, folder: string): void {
  const known = existing?.description.tokens;
  if (tokens === undefined || known === undefined || tokens === known) return;
  throw new CandleEmbedError(
    "INVALID_INPUT",
    `the passages of ${folder} have at most ${String(known)} tokens: leave --tokens out, or make a new index`,
  );
}

/** A folder is found again from wherever the search is made. */
function nameOfModel(model: string | undefined): string | undefined {
  return model !== undefined && /^\.{0,2}[/\\]/.test(model) ? path.resolve(model) : model;
}

function describeProgress({ added, changed, unchanged, embedded }: UpdateReport): string {
  return `${counted(added + changed + unchanged, "document")} read, ${counted(embedded, "passage")} embedded`;
}

interface IndexResult extends UpdateReport {
  readonly documents: number;
  readonly passages: number;
  readonly skipped: number;
  readonly unreadable: number;
}

function toText(folder: string, result: IndexResult): string {
  const { documents, passages, added, changed, unchanged, removed, embedded, reused, skipped } = result;
  const left = skipped === 0 ? "" : `, ${counted(skipped, "file")} left out as not UTF-8 text`;
  return (
    `${folder}: ${counted(documents, "document")}, ${counted(passages, "passage")}\n` +
    `${String(added)} added, ${String(changed)} changed, ${String(removed)} removed, ${String(unchanged)} unchanged; ` +
    `${counted(embedded, "passage")} embedded, ${String(reused)} reused${left}\n`
  );
}

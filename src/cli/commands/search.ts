import path from "node:path";

import type { EmbeddingBackend } from "../../embedding-backend.js";
import { topK } from "../../top-k.js";
import { inBatches } from "../../utils/in-batches.js";
import { passageText, readPassages, type FilePassage } from "../../utils/read-passages.js";
import { UsageError, type Command, type Context } from "../command.js";
import { loadModel, modelOptions, modelOptionsHelp } from "../model-options.js";
import { parse, parseChoice, parseCount } from "../parse.js";
import { write } from "../write.js";

const help = `Usage: candle-embed search [options] QUESTION

Finds the passages that answer QUESTION in the Markdown and text files below a folder (.md, .markdown, .mdx, .txt of
at most 2 MB; not in node_modules, target, dist and hidden folders).

Options:
      --folder DIR         the folder (default: the current one)
      --top K              how many passages (default: 5)
      --format FORMAT      text (default) or json
${modelOptionsHelp}

Examples:
  candle-embed search "how do I abort a call"
  candle-embed search --folder ~/notes --top 3 "what did we decide about backups"`;

const options = {
  ...modelOptions,
  folder: { type: "string" },
  top: { type: "string" },
  format: { type: "string" },
} as const;

interface FoundPassage extends FilePassage {
  readonly score: number;
}

/** `candle-embed search` */
export const search: Command = { summary: "search a folder of Markdown by meaning", help, run };

async function run(args: readonly string[], context: Context): Promise<void> {
  const { stdout, signal } = context;
  const { values, positionals } = parse(args, options);
  const [question, ...more] = positionals;
  if (question === undefined || more.length > 0) {
    throw new UsageError("search needs one question; put it in quotation marks");
  }
  const count = parseCount("top", values.top) ?? 5;
  const format = parseChoice("format", values.format, ["text", "json"]) ?? "text";
  const folder = values.folder ?? ".";
  const backend = await loadModel(values, context);
  try {
    const found = await bestPassages(backend, folder, question, count, signal);
    await write(stdout, format === "json" ? `${JSON.stringify(found, null, 2)}\n` : toText(found, folder));
  } finally {
    await backend.dispose();
  }
}

/** Works through the folder batch by batch and keeps the best so far: memory does not grow with the folder. */
async function bestPassages(
  backend: EmbeddingBackend,
  folder: string,
  question: string,
  count: number,
  signal: AbortSignal,
): Promise<FoundPassage[]> {
  const query = await backend.embedQuery(question, { signal });
  let best: FoundPassage[] = [];
  for await (const batch of inBatches(readPassages(folder), passageText)) {
    const embeddings = await backend.embedDocuments(batch.map(passageText), { signal });
    const found = topK(query, embeddings, count).map(({ index, score }) => ({
      score,
      ...(batch[index] as FilePassage),
    }));
    best = [...best, ...found].sort((a, b) => b.score - a.score).slice(0, count);
  }
  return best;
}

function toText(found: readonly FoundPassage[], folder: string): string {
  if (found.length === 0) return `no Markdown or text files with a passage in ${folder}\n`;
  return found
    .map(({ score, file, line, heading, text }) => {
      const place = `${path.join(folder, file)}:${String(line)}`;
      const title = heading === "" ? "" : `  ${heading}`;
      const head = printable(`${place}${title}`).replaceAll("\n", " ");
      return `${score.toFixed(3)}  ${head}\n${printable(text).replace(/^/gm, "    ")}\n`;
    })
    .join("\n");
}

/** What files hold, without the characters that would command the terminal or turn the text around. */
function printable(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu, "\uFFFD");
}

import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { addAbortSignal } from "node:stream";
import { buffer } from "node:stream/consumers";

import type { InputText } from "../bulk/record.js";
import { openFile, openStdin } from "../bulk/sources/open-source.js";
import { textsOf } from "../bulk/sources/texts-of.js";
import type { DocumentFormat } from "../chunking/blocks.js";
import { CandleEmbedError } from "../errors.js";
import { decodeDocument, documentEndings, formatOfFile, readDocument } from "../utils/documents.js";
import { isGone, walkFiles } from "../utils/walk-files.js";
import { RecordNames } from "./record-names.js";

/** A document that the command line names. */
export interface SourceDocument {
  /** The path that was given, or one below it. */
  readonly file: string;
  /** Of a line of JSONL its `id`, or else its position among the records. */
  readonly record?: string | number;
  /** Of a line of JSONL what it is called: its `record`, but no other line of the file has the same. */
  readonly recordName?: string;
  readonly text: string;
  readonly format: DocumentFormat;
}

interface ReadOptions {
  /** How files are read; else their endings say it. */
  readonly input?: DocumentFormat | "jsonl" | undefined;
  /** What the path `-` reads. */
  readonly stdin?: NodeJS.ReadStream;
  readonly signal: AbortSignal;
  /** Told of files in a folder that are no text. */
  readonly onSkipped?: (file: string) => void;
  /** Told of what cannot be read in a folder; without it, that is an error. */
  readonly onUnreadable?: (file: string, error: NodeJS.ErrnoException) => void;
}

/** Larger files in a folder are data, not documents; one that is named itself is read. */
const maxBytes = 2 * 1024 * 1024;

/** Of a line only text and id are used: what else it has need not be fit to be passed on. */
const noMetadata = { metadata: [] };

/** How the help pages describe {@link readDocuments}. */
export const documentsHelp = `A PATH is a document; or a .jsonl file with one in each line, an object with a field "text" and "id" if you like; or a
folder, of which the Markdown, text and source code files of at most 2 MB are read (not in node_modules, target, dist
and hidden folders); or -, the text of standard input.`;

/** The documents of these files and folders, one after another; `-` is standard input. */
export async function* readDocuments(
  paths: readonly string[],
  { input, stdin = process.stdin, signal, onSkipped, onUnreadable = failUnreadable }: ReadOptions,
): AsyncGenerator<SourceDocument, void, undefined> {
  const walking = { extensions: documentEndings, maxBytes, signal, onUnreadable };
  for (const given of paths) {
    if (given === "-") {
      yield* readStdin(stdin, { input, signal });
    } else if ((await statPath(given)).isDirectory()) {
      for await (const file of walkFiles(given, walking)) {
        let text: string;
        try {
          text = await readDocument(file);
        } catch (error) {
          if (CandleEmbedError.isInstance(error)) onSkipped?.(file);
          else if (!isGone(error)) onUnreadable(file, error as NodeJS.ErrnoException);
          continue;
        }
        yield { file, text, format: formatOfFile(file) };
      }
    } else if (input === "jsonl" || (input === undefined && given.endsWith(".jsonl"))) {
      yield* records(
        given,
        textsOf(await openFile(given, { format: "jsonl", fields: noMetadata, signal }), given),
      );
    } else {
      yield { file: given, text: await readDocument(given), format: input ?? formatOfFile(given) };
    }
  }
}

async function* readStdin(
  stdin: NodeJS.ReadStream,
  { input = "text", signal }: Pick<ReadOptions, "input" | "signal">,
): AsyncGenerator<SourceDocument, void, undefined> {
  if (input === "jsonl") {
    yield* records(
      "-",
      textsOf(openStdin(stdin, { format: "jsonl", fields: noMetadata, signal }), "standard input"),
    );
  } else {
    const bytes = await buffer(addAbortSignal(signal, stdin));
    yield { file: "-", text: decodeDocument("standard input", bytes), format: input };
  }
}

/** What a document is called: its file, and behind "#" its record. */
export function nameOf({ file, recordName }: Pick<SourceDocument, "file" | "recordName">): string {
  return recordName === undefined ? file : `${file}#${recordName}`;
}

/** Whether `file`, without links, is one of these paths or, as a document, in one of them. */
export async function isAmong(file: string, paths: readonly string[]): Promise<boolean> {
  const isDocument = documentEndings.has(path.extname(file).toLowerCase());
  for (const each of paths) {
    const real = await realpath(each).catch(() => undefined);
    if (real === file || (real !== undefined && isDocument && file.startsWith(real + path.sep))) return true;
  }
  return false;
}

/** Whether a document that {@link nameOf} called this is one of `root`, a file or folder. */
export function isBelow(name: string, root: string): boolean {
  const folder = root.endsWith(path.sep) ? root : root + path.sep;
  return name === root || name.startsWith(folder) || name.startsWith(`${root}#`);
}

async function* records(file: string, texts: AsyncIterable<InputText>): AsyncGenerator<SourceDocument> {
  const names = new RecordNames();
  for await (const { id, index, text } of texts) {
    const record = id ?? index;
    yield { file, record, recordName: names.nameOf(record), text, format: "text" };
  }
}

async function statPath(file: string): Promise<Awaited<ReturnType<typeof stat>>> {
  try {
    return await stat(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new CandleEmbedError("INVALID_INPUT", `there is no file or folder ${file}`, { cause });
  }
}

function failUnreadable(file: string, cause: NodeJS.ErrnoException): never {
  throw new CandleEmbedError("INVALID_INPUT", `${file} cannot be read: ${cause.message}`, { cause });
}
